// The build arguments of one Dockerfile, in the order in which later ones win.
import type { ImageConfig } from '@polyarch/oci'
import type { ExtensionArg } from './extend-config.ts'

/** A config's user as the lifecycle takes it apart: names stay names, and the group may be empty. */
export interface ImageUser {
  readonly user: string
  readonly group: string
}

/** The user of an image's config. */
export const userOf = (config: ImageConfig): ImageUser => {
  const written = config.config?.['User']
  const text = typeof written === 'string' ? written : ''
  const [user = '', group] = text.split(':')
  return group === undefined ? { user: text, group: '' } : { user, group }
}

/** Whether the user is root, by its number or its name. */
export const isRoot = ({ user }: ImageUser): boolean => user === '0' || user === 'root'

/**
 * The arguments: those of the lifecycle, then the extension's own, and the base image last, which no extension can
 * change. `buildId` is a fresh UUID.
 */
export const planArgs = (
  buildId: string,
  { user, group }: ImageUser,
  own: readonly ExtensionArg[],
  baseImage: string,
): readonly ExtensionArg[] => [
  { name: 'build_id', value: buildId },
  { name: 'user_id', value: user },
  { name: 'group_id', value: group },
  ...own,
  { name: 'base_image', value: baseImage },
]
