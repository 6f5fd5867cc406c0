// Where buildah finds and leaves things: names below its work directory, in which it is started.

/** Relative, so that no character of the workspace's path can mean something in a flag. */
export const places = {
  storage: 'storage',
  run: 'run',
  temporary: 'tmp',
  registries: 'registries.conf',
  noRegistries: 'registries.conf.d',
  shortNames: 'short-names.conf',
  policy: 'policy.json',
  containers: 'containers.conf',
  storageConfig: 'storage.conf',
  imageId: 'image-id',
  staging: 'staging',
} as const

/** What stageBuild() writes below the staging directory. */
export const staged = {
  dockerfile: `${places.staging}/Dockerfile`,
  ignoreFile: `${places.staging}/Dockerfile.dockerignore`,
  logins: `${places.staging}/docker/config.json`,
  secrets: `${places.staging}/secrets`,
  certificates: `${places.staging}/certificates`,
} as const
