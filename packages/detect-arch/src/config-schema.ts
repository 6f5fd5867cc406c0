// The schema of polyarch.yaml: every key that it may have.
import { posix } from 'node:path'
import { engineNames, features } from '@polyarch/dockerfile'
import { imageIdField } from '@polyarch/documents'
import { inputFailure, parseStoreLocation } from '@polyarch/oci'
import { z } from 'zod'
import { content, platform, platforms, readBy, tag } from './config-fields.ts'
import { parseRunnerKey } from './runner-map.ts'
import { suggestWord } from './spelling.ts'

const registry = readBy((text) => {
  parseStoreLocation(`${text}/image`)
  return text.replace(/\/+$/, '')
}).meta({ description: 'Where repositories live: an image goes to <registry>/<image id>' })

const repository = readBy((text) => {
  parseStoreLocation(text)
  return text
}).meta({ description: 'HOST[:PORT]/NAME, or oci:DIR' })

const filePath = z.string().min(1)
const textMap = z.record(z.string(), z.string())
const buildArgs = z
  .record(z.string().min(1), z.string().nullable())
  .meta({ description: 'Build arguments; one without a value has the environment’s' })
const engine = z.enum(['auto', ...engineNames])
const engines = z
  .array(z.enum(engineNames))
  .min(1)
  .meta({ description: 'The engines that auto chooses from, the best first' })
const emulate = z.enum(['auto', 'allow', 'never'])

const source = z.strictObject({
  url: z.string().min(1).meta({ description: 'A git repository' }),
  ref: z.string().min(1).meta({ description: 'A branch, tag or commit; resolved to a commit when the plan is made' }),
})

const allowance = z.strictObject({
  finding: readBy((text) => {
    const known = Object.keys(features)
    if (known.includes(text)) return text
    throw inputFailure(`there is no finding "${text}"${suggestWord(text, known)}`)
  }).meta({ description: 'The name of a finding, for example copy-exclude' }),
  reason: z.string().min(1).meta({ description: 'Why it is fine here' }),
})

const layersDirectory = readBy((text) => {
  const unknown = /\{\{(?!platform\}\}).*/.exec(text)?.[0]
  if (unknown !== undefined) throw inputFailure(`"${unknown}" is no placeholder: only {{platform}} is`)
  if (!posix.isAbsolute(text) && /^\.\.(?:\/|$)/.test(posix.normalize(text)))
    throw inputFailure(`"${text}" is outside the workspace: name a directory below it, or an absolute one`)
  return text
}).meta({
  description:
    'Where analyze, detect and restore leave their files when the leg starts; {{platform}} becomes the leg’s, for example linux-arm64',
})

const extension = z.strictObject({
  kind: z.enum(['run', 'build']).meta({ description: 'Which base image is extended' }),
  layers: layersDirectory,
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
  'build-args': buildArgs.optional(),
  labels: textMap.optional(),
  annotations: textMap.optional(),
  engine: engine.optional(),
  emulate: emulate.optional(),
  needs: z.array(imageIdField).optional().meta({ description: 'Images that have to be built before this one' }),
  watch: z.array(z.string().min(1)).optional().meta({
    description:
      'Globs of more files whose change rebuilds this image; with ! before it, of files whose change does not',
  }),
  prebuilt: z.record(platform, content).optional().meta({ description: 'Platforms whose images are built elsewhere' }),
  extend: extension.optional().meta({
    description:
      'Extends a base image of Cloud Native Buildpacks with the Dockerfiles that its extensions generate; context is the application',
  }),
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
        engines: engines.optional(),
        emulate: emulate.optional(),
        tags: z.array(tag).optional(),
        'build-args': buildArgs.optional(),
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
