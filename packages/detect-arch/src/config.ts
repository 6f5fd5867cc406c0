// Reads polyarch.yaml: every problem of the file at once, then the images that it asks for.
import type { z } from 'zod'
import { platform } from './config-fields.ts'
import { type ImageConfig, PolyarchConfig } from './config-schema.ts'
import { dockerfileIn, type ImageRequest, type PlanRequest } from './image-request.ts'
import { type Problem, problemsFailure } from './problem.ts'
import { requestProblems } from './request-check.ts'
import { repeatedKeys, schemaProblems, withoutProblems } from './schema-problems.ts'
import { readYaml, type YamlSource } from './yaml-source.ts'

type Defaults = NonNullable<z.output<typeof PolyarchConfig>['defaults']>

const toRequest = (id: string, image: ImageConfig, defaults: Defaults, source: YamlSource): ImageRequest => {
  const prebuilt = image.prebuilt ?? {}
  const platforms = image.platforms ?? (image.prebuilt && !isBuilt(image) ? [] : (defaults.platforms ?? null))
  const context = image.context ?? '.'
  return {
    id,
    ...(image.extend ? { extend: { ...image.extend, context } } : {}),
    build:
      image.extend !== undefined || (image.prebuilt !== undefined && !isBuilt(image))
        ? null
        : {
            context,
            dockerfile: dockerfileIn(context, image.dockerfile ?? 'Dockerfile'),
            target: image.target ?? null,
            args: { ...defaults['build-args'], ...image['build-args'] },
            source: image.source ?? null,
            allow: image.allow ?? [],
          },
    repositories: image.repositories ?? (defaults.registry === undefined ? null : [`${defaults.registry}/${id}`]),
    platforms,
    tags: image.tags ?? defaults.tags ?? [],
    labels: { ...defaults.labels, ...image.labels },
    annotations: { ...defaults.annotations, ...image.annotations },
    engine: image.engine ?? defaults.engine ?? 'auto',
    emulate: image.emulate ?? defaults.emulate ?? 'auto',
    needs: image.needs ?? [],
    watch: image.watch ?? [],
    prebuilt,
    placeOf: (...path) =>
      path.length === 0 ? source.placeOfKey(['images', id]) : source.placeOf(['images', id, ...path]),
  }
}

/** An image with prebuilt platforms is built here too where it says anything of a build. */
const isBuilt = ({ context, dockerfile, target, source, platforms, extend }: ImageConfig): boolean =>
  [context, dockerfile, target, source, platforms, extend].some((value) => value !== undefined)

/** What only a Dockerfile of one's own can be built with; an extended image has the labels that it is given there. */
const buildKeys = ['dockerfile', 'target', 'build-args', 'labels', 'source', 'allow'] as const

const extensionProblems = (id: string, image: ImageConfig, source: YamlSource): Problem[] => {
  if (image.extend === undefined) return []
  const problems = buildKeys
    .filter((key) => image[key] !== undefined)
    .map((key) => ({
      place: source.placeOfKey(['images', id, key]),
      message: `${key} says how a Dockerfile is built, and extend that there is none: its extensions generate theirs`,
    }))
  return image.platforms === 'auto'
    ? [
        ...problems,
        {
          place: source.placeOf(['images', id, 'platforms']),
          message: 'nobody knows yet which image is extended, and so not its platforms: list them',
        },
      ]
    : problems
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * What the text of a polyarch.yaml asks for; `file` names it in problems.
 * @throws {Failure} input, listing every problem of the file, one `file:line:column: what, and what would be right` each.
 */
export const readConfig = (text: string, file: string): PlanRequest => {
  const source = readYaml(text, file)
  const problems: Problem[] = [...source.problems]
  if (source.value === undefined) throw problemsFailure(problems)

  let parsed = PolyarchConfig.safeParse(source.value)
  if (!parsed.success) {
    problems.push(...schemaProblems(parsed.error, PolyarchConfig, source))
    const rest = withoutProblems(source.value, parsed.error)
    parsed = PolyarchConfig.safeParse({ images: {}, ...(isRecord(rest) ? rest : {}), version: 1 })
  }
  const images = Object.entries(parsed.data?.images ?? {}).map(([id, image]) =>
    toRequest(id, image ?? {}, parsed.data?.defaults ?? {}, source),
  )
  const named = isRecord(source.value) && isRecord(source.value['images']) ? Object.keys(source.value['images']) : []
  problems.push(...repeatedKeys(['runners'], platform, source))
  problems.push(...named.flatMap((id) => repeatedKeys(['images', id, 'prebuilt'], platform, source)))
  for (const [id, image] of Object.entries(parsed.data?.images ?? {}))
    problems.push(...extensionProblems(id, image ?? {}, source))
  problems.push(...requestProblems(images, named))
  if (problems.length > 0) throw problemsFailure(problems)
  return {
    images,
    runners: parsed.data?.runners ?? {},
    engines: parsed.data?.defaults?.engines,
    files: [file],
    skipped: new Map(),
  }
}
