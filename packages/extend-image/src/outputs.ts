// The outputs of extend-image.
import { buildOutputs } from '@polyarch/engine'
import { z } from 'zod'

export const Outputs = z.object({
  digest: buildOutputs.digest,
  'media-type': buildOutputs['media-type'],
  size: buildOutputs.size,
  'engine-seconds': buildOutputs['engine-seconds'],
  'peak-memory': buildOutputs['peak-memory'],
  layout: z.string().describe('The directory that was written; empty for output image'),
  platform: z.string().describe('The platform of the image'),
  'engine-version': z
    .string()
    .describe('The version that the engine says it has; empty where there was nothing to apply'),
  reference: z.string().describe('The extended image as HOST/NAME@DIGEST or oci:DIR@DIGEST; empty for output extended'),
  engine: z.string().describe('The engine that applied the Dockerfiles'),
  kind: z.string().describe('The image that was extended: build or run'),
  extensions: z.array(z.string()).describe('The extensions that were applied, in their order, as a JSON list'),
})
export type Outputs = z.output<typeof Outputs>
