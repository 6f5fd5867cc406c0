// The schema of polyarch.yaml: every key that it may have.
import { imageIdField } from '@polyarch/documents'
import { Failure, formatPlatform, isTag, parseContentLocation, parsePlatform, parseStoreLocation } from '@polyarch/oci'
import { z } from 'zod'
import { parseRunnerKey } from './runner-map.ts'
import { checkTagTemplate } from './tag-template.ts'

/** A text that a parser checks and rewrites; the Failure that it throws becomes the problem. */
const readBy = <T>(parse: (text: string) => T) =>
  z.string().transform((text, context): T => {
    try {
      return parse(text)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      context.addIssue({ code: 'custom', message: error.message })
      return z.NEVER
    }
  })

const platform = readBy((text) => formatPlatform(parsePlatform(text))).meta({
  description: 'os/architecture[/variant], for example linux/arm64',
})

const platforms = z
  .union([z.literal('auto'), z.array(platform).min(1)])
  .transform((value) => (value === 'auto' ? value : [...new Set(value)]))
  .meta({ description: 'What to build for, or auto: the platforms that all base images have in common' })

const tag = z
  .string()
  .check((context) => {
    const message = context.value.includes('{{')
      ? checkTagTemplate(context.value)
      : isTag(context.value)
        ? undefined
        : `"${context.value}" is not a tag: letters, digits, _ . - and at most 128 characters`
    if (message !== undefined) context.issues.push({ code: 'custom', message, input: context.value })
  })
  .meta({ description: 'A tag, or a template such as {{version}}' })

const registry = readBy((text) => {
  parseStoreLocation(`${text}/image`)
  return text.replace(/\/+$/, '')
}).meta({ description: 'Where repositories live: an image goes to <registry>/<image id>' })

const repository = readBy((text) => {
  parseStoreLocation(text)
  return text
}).meta({ description: 'HOST[:PORT]/NAME, or oci:DIR' })

const content = readBy((text) => {
  parseContentLocation(text)
  return text
}).meta({ description: 'HOST/NAME@DIGEST or HOST/NAME:TAG' })

const filePath = z.string().min(1)
const textMap = z.record(z.string(), z.string())
const engine = z.enum(['auto', 'kaniko', 'buildah', 'buildkit'])
const emulate = z.enum(['auto', 'allow', 'never'])

const source = z.strictObject({
  url: z.string().min(1).meta({ description: 'A git repository' }),
  ref: z.string().min(1).meta({ description: 'A branch, tag or commit; resolved to a commit when the plan is made' }),
})

const allowance = z.strictObject({
  finding: z.string().min(1).meta({ description: 'The name of a finding, for example copy-exclude' }),
  reason: z.string().min(1).meta({ description: 'Why it is fine here' }),
})

export const ImageConfig = z.strictObject({
  context: filePath.optional().meta({ description: 'The build context, relative to the workspace; default: "."' }),
  dockerfile: filePath.optional().meta({ description: 'Relative to the context; default: Dockerfile' }),
  target: z.string().min(1).optional().meta({ description: 'The stage to build; default: the last' }),
  repositories: z
    .array(repository)
    .min(1)
    .optional()
    .meta({ description: 'The first is pushed to, the others get the same digests' }),
  platforms: platforms.optional(),
  tags: z.array(tag).optional().meta({ description: 'Moved in this order' }),
  'build-args': textMap.optional(),
  labels: textMap.optional(),
  annotations: textMap.optional(),
  engine: engine.optional(),
  emulate: emulate.optional(),
  needs: z.array(imageIdField).optional().meta({ description: 'Images that have to be built before this one' }),
  watch: z
    .array(z.string().min(1))
    .optional()
    .meta({ description: 'Globs of more files whose change rebuilds this image' }),
  prebuilt: z.record(platform, content).optional().meta({ description: 'Platforms whose images are built elsewhere' }),
  source: source.optional().meta({ description: 'Builds another git repository instead of this one' }),
  allow: z.array(allowance).optional().meta({ description: 'Preflight findings that are fine here' }),
})
export type ImageConfig = z.output<typeof ImageConfig>

const runner = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)])

export const PolyarchConfig = z
  .strictObject({
    version: z.literal(1).meta({ description: 'The version of this format' }),
    defaults: z
      .strictObject({
        registry: registry.optional(),
        platforms: platforms.optional(),
        engine: engine.optional(),
        emulate: emulate.optional(),
        tags: z.array(tag).optional(),
        'build-args': textMap.optional(),
        labels: textMap.optional(),
        annotations: textMap.optional(),
      })
      .optional()
      .meta({ description: 'What an image has that does not say otherwise' }),
    runners: z
      .record(readBy(parseRunnerKey), runner)
      .optional()
      .meta({ description: 'Platform or the beginning of one to runner label(s); the longest that fits wins' }),
    images: z.record(imageIdField, ImageConfig.nullable()).meta({ description: 'Images by id' }),
  })
  .meta({ title: 'polyarch.yaml', description: 'Which images there are, for which platforms, and where they go.' })
export type PolyarchConfig = z.output<typeof PolyarchConfig>
