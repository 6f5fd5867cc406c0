// The outputs that the build steps share, whatever the engine.
import { formatPlatform } from '@polyarch/oci'
import { z } from 'zod'
import type { EngineResult } from './engine-build.ts'

export const buildOutputs = {
  layout: z.string().describe('The directory with the OCI image layout'),
  digest: z.string().describe('The digest of the image’s manifest'),
  'media-type': z.string().describe('The media type of the manifest'),
  size: z.number().describe('The size of the manifest in bytes'),
  platform: z.string().describe('The platform that was built'),
  'engine-version': z.string().describe('The version that the engine says it has'),
  'engine-seconds': z.number().describe('How long the engine took'),
  'peak-memory': z
    .number()
    .nullable()
    .describe('The most memory that the engine and its commands were seen to hold, in bytes; nothing where unknown'),
  'cache-hits': z.number().describe('How many instructions were taken from a cache instead of being run'),
  'seconds-saved': z
    .number()
    .nullable()
    .describe(
      'How long these instructions took when they last ran, in seconds, by what cache-repo keeps; nothing where it is known of none',
    ),
  'cache-hits-timed': z.number().describe('Of how many of these instructions seconds-saved is the time'),
}

/** The values of these outputs. */
export interface BuildOutputs {
  readonly layout: string
  readonly digest: string
  readonly 'media-type': string
  readonly size: number
  readonly platform: string
  readonly 'engine-version': string
  readonly 'engine-seconds': number
  readonly 'peak-memory': number | null
  readonly 'cache-hits': number
  readonly 'seconds-saved': number | null
  readonly 'cache-hits-timed': number
}

/** The outputs of what an engine built. */
export const outputsOf = ({
  layout: { directory, manifest, platform },
  version,
  run: { seconds, peakMemory, cache },
}: EngineResult): BuildOutputs => ({
  layout: directory,
  digest: manifest.digest,
  'media-type': manifest.mediaType,
  size: manifest.size,
  platform: formatPlatform(platform),
  'engine-version': version,
  'engine-seconds': Number(seconds.toFixed(3)),
  'peak-memory': peakMemory ?? null,
  'cache-hits': cache.hits,
  'seconds-saved': cache.secondsSaved === undefined ? null : Number(cache.secondsSaved.toFixed(1)),
  'cache-hits-timed': cache.timedHits,
})
