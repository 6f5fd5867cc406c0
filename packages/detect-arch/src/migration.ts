// Turns a workspace's build-config.yaml files into one polyarch.yaml that asks for the same.
import { isDeepStrictEqual } from 'node:util'
import type { Host } from '@polyarch/ci-host'
import { inputFailure } from '@polyarch/oci'
import { readConfig } from './config.ts'
import { defaultConfig, readBuildConfigFiles } from './config-files.ts'
import { formatConfig } from './config-text.ts'
import type { ImageRequest } from './image-request.ts'

export interface WrittenConfig {
  readonly text: string
  /** The ids of the images in it. */
  readonly images: readonly string[]
  /** What somebody should know who goes on from here. */
  readonly notes: readonly string[]
}

const comparable = (request: ImageRequest): unknown => ({ ...request, placeOf: undefined })

/**
 * The polyarch.yaml that asks for what the build-config.yaml files of the workspace ask for.
 * @throws {Failure} input, where there are none or they are wrong.
 */
export const migrateConfigs = async (host: Pick<Host, 'directory' | 'exec'>): Promise<WrittenConfig> => {
  const request = await readBuildConfigFiles(host)
  if (request === undefined) throw inputFailure('there is no build-config.yaml in this workspace')
  const notes = [...request.skipped].map(([id, reason]) => `${id} is left out: ${reason}`)
  const text = formatConfig(request.images, notes)
  const { images } = readConfig(text, defaultConfig)
  // What would be built otherwise than before is a mistake of this program, and must not be found out later.
  if (!isDeepStrictEqual(images.map(comparable), request.images.map(comparable)))
    throw new Error(`the ${defaultConfig} that was written does not ask for the same images`)
  return {
    text,
    images: images.map(({ id }) => id),
    notes: [...notes, `${request.files.join(', ')} ${request.files.length === 1 ? 'is' : 'are'} not read any more`],
  }
}
