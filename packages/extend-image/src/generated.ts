// What the lifecycle's generate phase left: a Dockerfile, arguments and a context for each extension.
import { lstat, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { findRealPath, isInside } from '@polyarch/engine'
import { Failure, inputFailure } from '@polyarch/oci'
import type { ExtendKind } from './analyzed.ts'
import { type ApiVersion, isAtLeast } from './api-version.ts'
import { type ExtensionArg, parseExtendConfig } from './extend-config.ts'
import { checkExtensionDockerfile, type ExtensionRules } from './extension-dockerfile.ts'
import { type Extension, escapeId } from './group.ts'
import { lifecycleFailure } from './lifecycle-failure.ts'
import { tomlSizeLimit } from './toml.ts'

/** A Dockerfile to apply. */
export interface ExtensionDockerfile {
  readonly extension: string
  /** Absolute, without symbolic links. */
  readonly path: string
  readonly text: string
  readonly args: readonly ExtensionArg[]
  /** Absolute, without symbolic links. */
  readonly context: string
  readonly rules: ExtensionRules
}

export interface GeneratedSource {
  readonly api: ApiVersion
  readonly kind: ExtendKind
  /** Absolute. */
  readonly generated: string
  /** Absolute: the context of what brings none. */
  readonly app: string
}

/** Where the files of one extension are: the layout changed with platform API 0.13. */
export const generatedPaths = (
  { api, kind, generated }: Pick<GeneratedSource, 'api' | 'kind' | 'generated'>,
  id: string,
): {
  readonly dockerfile: string
  readonly config: string
  readonly contexts: Record<'shared' | ExtendKind, string> | undefined
} => {
  if (!isAtLeast(api, 13)) {
    const directory = join(generated, kind, escapeId(id))
    return {
      dockerfile: join(directory, 'Dockerfile'),
      config: join(directory, 'extend-config.toml'),
      contexts: undefined,
    }
  }
  const directory = join(generated, escapeId(id))
  const context = join(directory, 'context')
  return {
    dockerfile: join(directory, `${kind}.Dockerfile`),
    config: join(directory, 'extend-config.toml'),
    contexts: { shared: context, build: `${context}.build`, run: `${context}.run` },
  }
}

/** A file that is not larger than one of its kind can be. */
const readText = async (path: string): Promise<string> => {
  const { size } = await stat(path)
  if (size > tomlSizeLimit) throw inputFailure(`${path} has ${size} bytes: more than the limit of ${tomlSizeLimit}`)
  return await readFile(path, 'utf8')
}

/** The real path of what an extension left, or undefined where it left nothing: a link must not lead out of it. */
const findGenerated = async (generated: string, path: string): Promise<string | undefined> => {
  const [root, real] = await Promise.all([findRealPath(generated), findRealPath(path)])
  if (root === undefined || real === undefined) return undefined
  if (isInside(root, real)) return real
  throw inputFailure(`${path} leads to ${real}, out of ${generated}`)
}

const isDirectory = async (path: string | undefined): Promise<boolean> =>
  path !== undefined && (await stat(path)).isDirectory()

const findContext = async (
  { kind, generated, app }: GeneratedSource,
  contexts: ReturnType<typeof generatedPaths>['contexts'],
): Promise<string> => {
  if (contexts === undefined) return app
  const find = async (path: string): Promise<string | undefined> => {
    const real = await findGenerated(generated, path)
    return (await isDirectory(real)) ? real : undefined
  }
  const [shared, build, run] = await Promise.all([find(contexts.shared), find(contexts.build), find(contexts.run)])
  if (shared !== undefined && (build ?? run) !== undefined)
    throw lifecycleFailure(
      'generate',
      `image-specific context dir is provided together with a shared context (${contexts.shared})`,
    )
  return { build, run }[kind] ?? shared ?? app
}

/** Checks the rules; what breaks one names the file. */
const checkRules = (text: string, kind: ExtendKind, path: string): ExtensionRules => {
  try {
    return checkExtensionDockerfile(text, kind)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const exitCode = error.exitCode === undefined ? {} : { exitCode: error.exitCode }
    throw new Failure(error.kind, `${error.message} (${path})`, { cause: error, ...exitCode })
  }
}

const readExtension = async (source: GeneratedSource, { id }: Extension): Promise<ExtensionDockerfile | undefined> => {
  const paths = generatedPaths(source, id)
  const path = await findGenerated(source.generated, paths.dockerfile)
  if (path === undefined) return undefined
  if (!(await lstat(path)).isFile()) throw inputFailure(`${paths.dockerfile} is not a file`)
  const config = await findGenerated(source.generated, paths.config)
  const args = config === undefined ? [] : parseExtendConfig(await readText(config), source.kind, config)
  const text = await readText(path)
  const context = await findContext(source, paths.contexts)
  return { extension: id, path, text, args, context, rules: checkRules(text, source.kind, path) }
}

/**
 * The Dockerfiles to apply, in the group's order; an extension without one is left out, as is one whose Dockerfile a
 * later one made void (`.ignore`).
 * @throws {Failure} with the lifecycle's code 92, where an extension breaks its rules; input, where a file cannot be read.
 */
export const readGenerated = async (
  source: GeneratedSource,
  extensions: readonly Extension[],
): Promise<readonly ExtensionDockerfile[]> => {
  const found: ExtensionDockerfile[] = []
  for (const extension of extensions) {
    const dockerfile = await readExtension(source, extension)
    if (dockerfile !== undefined) found.push(dockerfile)
  }
  return found
}
