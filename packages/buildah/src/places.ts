// Where buildah finds and leaves things: names below its work directory, in which it is started.
import { workPlaces } from '@polyarch/engine'

export const places = {
  ...workPlaces,
  storage: 'storage',
  registries: 'registries.conf',
  noRegistries: 'registries.conf.d',
  shortNames: 'short-names.conf',
  policy: 'policy.json',
  containers: 'containers.conf',
  storageConfig: 'storage.conf',
  imageId: 'image-id',
} as const
