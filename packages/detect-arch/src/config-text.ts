// Writes a polyarch.yaml: what images ask for, as a person would have written it.
import { posix } from 'node:path'
import { stringify } from 'yaml'
import type { ImageConfig } from './config-schema.ts'
import type { ImageRequest } from './image-request.ts'

type WrittenImage = { -readonly [Key in keyof ImageConfig]?: ImageConfig[Key] }

const schemaLine =
  '# yaml-language-server: $schema=https://raw.githubusercontent.com/polyarch/polyarch/v1/schemas/polyarch.schema.json'

const given = <T extends object>(value: T): T | undefined =>
  (Array.isArray(value) ? value.length : Object.keys(value).length) > 0 ? value : undefined

/** The keys of an image, without those that say what is so anyway. */
const writeImage = ({
  build,
  platforms,
  repositories,
  tags,
  labels,
  annotations,
  needs,
  watch,
  prebuilt,
}: ImageRequest) => {
  const dockerfile = build && posix.relative(build.context, build.dockerfile)
  const image: Record<string, unknown> = {
    context: build && build.context !== '.' ? build.context : undefined,
    dockerfile: dockerfile && dockerfile !== 'Dockerfile' ? dockerfile : undefined,
    target: build?.target ?? undefined,
    source: build?.source ?? undefined,
    repositories: repositories ?? undefined,
    platforms: platforms === null || platforms.length === 0 ? undefined : platforms,
    tags: given(tags),
    'build-args': given(build?.args ?? {}),
    labels: given(labels),
    annotations: given(annotations),
    needs: given(needs),
    watch: given(watch),
    prebuilt: given(prebuilt),
    allow: given(build?.allow ?? []),
  }
  const written = Object.fromEntries(Object.entries(image).filter(([, value]) => value !== undefined)) as WrittenImage
  // Next to prebuilt platforms, an image is built only where it says anything of a build.
  const saysBuild = ['context', 'dockerfile', 'target', 'source', 'platforms'].some((key) => key in written)
  return build !== null && written.prebuilt !== undefined && !saysBuild ? { context: '.', ...written } : written
}

/** The text of a polyarch.yaml with these images; `comments` stand above them, a line each. */
export const formatConfig = (images: readonly ImageRequest[], comments: readonly string[] = []): string => {
  const entries = Object.fromEntries(images.map((image) => [image.id, writeImage(image)]))
  const body = stringify({ images: entries }, { flowCollectionPadding: true, lineWidth: 100, nullStr: '' })
  return [schemaLine, 'version: 1', ...comments.map((comment) => `# ${comment}`), body].join('\n')
}
