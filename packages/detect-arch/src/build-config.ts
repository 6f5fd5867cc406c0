// Reads build-config.yaml files: every problem at once, then the images that they ask for.
import { posix } from 'node:path'
import { imageIdField, imageIdOf } from '@polyarch/documents'
import { architecture, BuildConfig } from './build-config-schema.ts'
import type { BuildRequest, ImageRequest } from './image-request.ts'
import type { Problem } from './problem.ts'
import { repeatedKeys, schemaProblems, withoutProblems } from './schema-problems.ts'
import { readYaml, type YamlPath, type YamlSource } from './yaml-source.ts'

export const buildConfigName = 'build-config.yaml'

export interface BuildConfigResult {
  readonly images: readonly ImageRequest[]
  readonly problems: readonly Problem[]
  /** Images that are asked for but not built here, with the reason. */
  readonly skipped: ReadonlyMap<string, string>
}

/** Where a part of a request is written in this format. */
const keys: Readonly<Record<string, string>> = {
  'build-args': 'build_args',
  context: 'context_path',
  dockerfile: 'dockerfile_path',
  tags: 'additional_tags',
  prebuilt: 'manual_images',
  source: 'upstream_repo',
}

/** The file at the root of the workspace is about an image of the workspace's name. */
const imageId = (directory: string, workspaceName: string): string =>
  directory === '.' ? imageIdOf(`oci:${workspaceName}`) : directory.replaceAll('/', '-')

/** What is wrong with the file as a whole. */
const findProblems = (config: BuildConfig, source: YamlSource): Problem[] => {
  const problems: Problem[] = []
  const complain = (path: YamlPath, message: string): void => {
    problems.push({ place: source.placeOfKey(path), message })
  }
  const remote = config.upstream_repo !== undefined || config.upstream_ref !== undefined
  const local = config.use_local_context === true
  const isKo = config.build_backend === 'ko'
  if (remote && local)
    complain(['use_local_context'], 'use_local_context and upstream_repo exclude each other: keep one of them')
  if (remote && (config.upstream_repo === undefined || config.upstream_ref === undefined))
    complain(
      [config.upstream_repo === undefined ? 'upstream_ref' : 'upstream_repo'],
      'upstream_repo and upstream_ref belong together: the other one is missing',
    )
  if (!remote && !local && !isKo && config.manual_build !== true)
    complain(
      [],
      'neither use_local_context: true nor upstream_repo and upstream_ref: one of them has to say what is built',
    )
  if (!isKo && config.manual_build !== true) {
    if (config.dockerfile_path === undefined) complain([], '"dockerfile_path" is missing')
    if (config.platforms === undefined) complain([], '"platforms" is missing')
  }
  if (config.manual_build === true) {
    const given = Object.keys(config.manual_images ?? {})
    if (given.length === 0) complain(['manual_build'], 'manual_build needs manual_images: architecture to reference')
    for (const platform of config.platforms ?? [])
      if (given.length > 0 && !given.includes(platform))
        complain(['manual_images'], `manual_images has none for ${platform}, which platforms lists`)
  } else if (config.manual_images !== undefined)
    complain(['manual_images'], 'manual_images counts only with manual_build: true')
  const names = config.targets?.map(({ name }) => name) ?? []
  for (const [position, name] of names.entries())
    if (names.indexOf(name) !== position)
      problems.push({ place: source.placeOf(['targets', position]), message: `there are two targets "${name}"` })
  if (config.targets !== undefined && config.target)
    complain(['target'], 'target and targets exclude each other: keep one of them')
  return problems
}

const readArguments = (config: BuildConfig, source: YamlSource, problems: Problem[]): BuildRequest['args'] => {
  const args: Record<string, string | null> = {}
  for (const [position, argument] of (config.build_args ?? []).entries()) {
    const equals = argument.indexOf('=')
    const name = equals === -1 ? argument : argument.slice(0, equals)
    if (Object.hasOwn(args, name))
      problems.push({ place: source.placeOf(['build_args', position]), message: `"${name}" is given twice` })
    args[name] = equals === -1 ? null : argument.slice(equals + 1)
  }
  return args
}

const toBuild = (config: BuildConfig, directory: string, args: BuildRequest['args']): Omit<BuildRequest, 'target'> => {
  const remote = config.upstream_repo !== undefined && config.upstream_ref !== undefined
  const root = remote ? '.' : directory
  return {
    context: posix.join(root, config.context_path ?? '.'),
    dockerfile: posix.join(root, config.dockerfile_path ?? 'Dockerfile'),
    args,
    allow: [],
    source: remote ? { url: config.upstream_repo ?? '', ref: config.upstream_ref ?? '' } : null,
  }
}

/** The day, and of a remote source what was asked for: what the predecessor tagged every image with. */
const dayTag = ({ upstream_ref: ref }: BuildConfig): string =>
  ref === undefined ? '{{date}}' : `{{date}}-${ref.replaceAll(/[^\w-]+/g, '-')}`

const toRequests = (
  config: BuildConfig,
  directory: string,
  source: YamlSource,
  workspaceName: string,
  problems: Problem[],
): ImageRequest[] => {
  const base = imageId(directory, workspaceName)
  const build =
    config.manual_build === true ? null : toBuild(config, directory, readArguments(config, source, problems))
  const variants = config.targets ?? [{ name: undefined, target: config.target, additional_tags: undefined }]
  return variants.map((variant, position): ImageRequest => {
    const id = variant.name === undefined ? base : `${base}-${variant.name}`
    const at: YamlPath = variant.name === undefined ? [] : ['targets', position]
    if (!imageIdField.safeParse(id).success)
      problems.push({
        place: source.placeOf(at),
        message: `"${id}", after the directory, is not an image id: lower-case letters, digits and single . _ - between`,
      })
    return {
      id,
      build: build && { ...build, target: variant.target || null },
      repositories: null,
      platforms: config.manual_build === true ? [] : (config.platforms ?? null),
      tags: [...new Set([dayTag(config), ...(variant.additional_tags ?? config.additional_tags ?? [])])],
      labels: {},
      annotations: {},
      engine: 'auto',
      emulate: 'auto',
      needs: [],
      // A README says nothing to a build, though it often lies in its context.
      watch: directory === '.' ? ['!README.md'] : [`!${directory}/README.md`],
      prebuilt: config.manual_build === true ? (config.manual_images ?? {}) : {},
      placeOf: (...path) => {
        const [first, ...rest] = path
        if (first === undefined) return source.placeOf(at)
        const key = keys[first] ?? first
        // The first tag is the day's, which nobody wrote.
        const moved = key === 'additional_tags' && typeof rest[0] === 'number' ? [rest[0] - 1] : rest
        const own = variant.additional_tags !== undefined && key === 'additional_tags' ? at : []
        return source.placeOf([...own, key, ...moved])
      },
    }
  })
}

/** What the text of a directory's build-config.yaml asks for; `file` is its path in the workspace. */
export const readBuildConfig = (text: string, file: string, workspaceName: string): BuildConfigResult => {
  const source = readYaml(text, file)
  const problems: Problem[] = [...source.problems]
  if (source.value === undefined) return { images: [], problems, skipped: new Map() }
  let parsed = BuildConfig.safeParse(source.value)
  if (!parsed.success) {
    problems.push(...schemaProblems(parsed.error, BuildConfig, source))
    const rest = withoutProblems(source.value, parsed.error)
    parsed = BuildConfig.safeParse(typeof rest === 'object' && rest !== null && !Array.isArray(rest) ? rest : {})
  }
  problems.push(...repeatedKeys(['manual_images'], architecture, source))
  const directory = posix.dirname(file)
  const config = parsed.data ?? {}
  // What is wrong by itself is not missing as well.
  const said = new Set(problems.map(({ message }) => message))
  if (said.size === 0) problems.push(...findProblems(config, source))
  else problems.push(...findProblems(config, source).filter(({ message }) => message.includes('exclude each other')))
  if (config.build_backend === 'ko') {
    const reason = 'build_backend ko is not built here: give it a Dockerfile, or build it with ko and use manual_images'
    return { images: [], problems, skipped: new Map([[imageId(directory, workspaceName), reason]]) }
  }
  const images = toRequests(config, directory, source, workspaceName, problems)
  return { images: problems.length > 0 ? [] : images, problems, skipped: new Map() }
}
