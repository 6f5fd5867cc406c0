// One image from inputs, where there is no polyarch.yaml; and docker/metadata-action's outputs taken as they are.
import { resolve } from 'node:path'
import { parseInput, requireValues } from '@polyarch/ci-host'
import { imageIdField, imageIdOf } from '@polyarch/documents'
import { inputFailure, isTag, parseReference } from '@polyarch/oci'
import { dockerfileIn, type ImageRequest, plainBuild, plainImage } from './image-request.ts'
import { checkTagTemplate } from './tag-template.ts'

export interface SingleImageInputs {
  readonly image?: string | undefined
  readonly context?: string | undefined
  readonly dockerfile?: string | undefined
  readonly target?: string | undefined
  readonly 'build-args': Readonly<Record<string, string | undefined>>
  readonly tags: readonly string[]
  readonly labels: Readonly<Record<string, string | undefined>>
  readonly annotations: Readonly<Record<string, string | undefined>>
}

/** Whether the inputs describe an image by themselves. */
export const describesImage = ({ image, context, dockerfile }: SingleImageInputs): boolean =>
  image !== undefined || context !== undefined || dockerfile !== undefined

/** Whether they say something about an image without saying which. */
export const describesDetails = (inputs: SingleImageInputs): boolean =>
  inputs.target !== undefined ||
  inputs.tags.length > 0 ||
  [inputs['build-args'], inputs.labels, inputs.annotations].some((entries) => Object.keys(entries).length > 0)

interface TagList {
  /** Empty where the tags are tags only. */
  readonly repositories: readonly string[]
  readonly tags: readonly string[]
}

const readTag = (entry: string): { readonly repository?: string; readonly tag: string } => {
  if (isTag(entry)) return { tag: entry }
  if (entry.includes('{{')) {
    const problem = checkTagTemplate(entry)
    if (problem !== undefined) throw inputFailure(`input tags: ${problem}`)
    return { tag: entry }
  }
  const { host, name, tag, digest } = parseInput('tags', entry, parseReference)
  if (tag === undefined || digest !== undefined)
    throw inputFailure(`input tags: "${entry}" is neither a tag nor a reference with a tag`)
  return { repository: `${host}/${name}`, tag }
}

/**
 * Tags, or references whose repositories all have the same tags, as docker/metadata-action writes them.
 * @throws {Failure} input, when tags and references are mixed or repositories would get different tags.
 */
export const readTags = (entries: readonly string[]): TagList => {
  const byRepository = new Map<string, string[]>()
  for (const entry of entries) {
    const { repository = '', tag } = readTag(entry)
    const tags = byRepository.get(repository) ?? []
    if (!tags.includes(tag)) tags.push(tag)
    byRepository.set(repository, tags)
  }
  const [first, ...others] = byRepository
  if (first === undefined) return { repositories: [], tags: [] }
  for (const [repository, tags] of others) {
    if (repository === '' || first[0] === '')
      throw inputFailure('input tags: give either tags or whole references, not both')
    if (tags.toSorted().join('\n') !== first[1].toSorted().join('\n'))
      throw inputFailure(
        `input tags: ${repository} would get other tags than ${first[0]}; all repositories get the same`,
      )
  }
  return { repositories: [...byRepository.keys()].filter((repository) => repository !== ''), tags: first[1] }
}

/** Annotations without docker's level: on an index they all belong to the index (`manifest,index:key=value`). */
const readAnnotations = (entries: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(entries).map(([key, value]) => [
      key.replace(/^(?:(?:manifest|index|manifest-descriptor|index-descriptor)(?:\[[^\]]*\])?,?)+:/, ''),
      value,
    ]),
  )

/** An id is given as it is; anything with a slash is a repository, whose last part is the id. */
const readImage = (image: string | undefined): { readonly id?: string; readonly repository?: string } => {
  if (image === undefined) return {}
  if (!image.includes('/') && !image.startsWith('oci:')) {
    if (imageIdField.safeParse(image).success) return { id: image }
    throw inputFailure(`input image: "${image}" is neither an id (lower-case letters, digits, . _ -) nor a repository`)
  }
  return { id: imageIdOf(image), repository: image }
}

const nullForNone = (entries: Readonly<Record<string, string | undefined>>): Record<string, string | null> =>
  Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, value ?? null]))

/** What the inputs say of an image beyond which one it is, laid over what a config file says of it. */
export const withDetails = (request: ImageRequest, inputs: SingleImageInputs): ImageRequest => {
  const { repositories, tags } = readTags(inputs.tags)
  return {
    ...request,
    build: request.build && {
      ...request.build,
      target: inputs.target ?? request.build.target,
      args: { ...request.build.args, ...nullForNone(inputs['build-args']) },
    },
    repositories: repositories.length > 0 ? repositories : request.repositories,
    tags: tags.length > 0 ? tags : request.tags,
    labels: { ...request.labels, ...requireValues('labels', inputs.labels) },
    annotations: {
      ...request.annotations,
      ...readAnnotations(requireValues('annotations', inputs.annotations)),
    },
  }
}

/**
 * The one image that the inputs describe; `directory` is the workspace.
 * @throws {Failure} input, naming the input that is wrong.
 */
export const readSingleImage = (inputs: SingleImageInputs, directory: string): ImageRequest => {
  const context = inputs.context ?? '.'
  const { id, repository } = readImage(inputs.image)
  const [named] = readTags(inputs.tags).repositories
  return withDetails(
    {
      ...plainImage,
      // A directory's name is a layout's too, so it becomes an id in the same way.
      id: id ?? imageIdOf(named ?? `oci:${resolve(directory, context)}`),
      build: { ...plainBuild, context, dockerfile: dockerfileIn(context, inputs.dockerfile ?? 'Dockerfile') },
      repositories: repository === undefined ? null : [repository],
      placeOf: (...path) => ({ file: `input ${path[0] ?? 'image'}` }),
    },
    inputs,
  )
}
