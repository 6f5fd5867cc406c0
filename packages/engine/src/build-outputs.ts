// The outputs that the build steps share, whatever the engine.
import { z } from 'zod'

export const buildOutputs = {
  layout: z.string().describe('The directory with the OCI image layout'),
  digest: z.string().describe('The digest of the image’s manifest'),
  'media-type': z.string().describe('The media type of the manifest'),
  size: z.number().describe('The size of the manifest in bytes'),
  platform: z.string().describe('The platform that was built'),
  'engine-version': z.string().describe('The version that the engine says it has'),
}
