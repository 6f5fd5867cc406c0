// Reads and replaces the files that the lifecycle's phases hand to each other.
import { chmod, chown, open, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import type { Host } from '@polyarch/ci-host'
import { inputFailure } from '@polyarch/oci'
import { type Analyzed, parseAnalyzed } from './analyzed.ts'
import { type Extension, parseGroup } from './group.ts'
import { lifecycleFailure } from './lifecycle-failure.ts'
import type { ExtendPlan } from './plan.ts'
import { tomlSizeLimit } from './toml.ts'

/** Keeps a byte order mark, so that what is written again is what was read. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The text of a file, or undefined where there is none.
 * @throws {Failure} input, where it cannot be read, is no UTF-8, or is too large to be what it should be.
 */
const findText = async (path: string): Promise<string | undefined> => {
  try {
    await using file = await open(path, 'r')
    const { size } = await file.stat()
    if (size > tomlSizeLimit) throw inputFailure(`${path} has ${size} bytes: more than the limit of ${tomlSizeLimit}`)
    return decoder.decode(await readFile(file))
  } catch (cause) {
    if (cause instanceof TypeError) throw inputFailure(`${path} is not UTF-8`, { cause })
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    if (code === undefined) throw cause
    throw inputFailure(`${path} cannot be read (${code})`, { cause })
  }
}

/** Writes a file anew in one move; it keeps its owner and mode. */
export const replaceText = async (path: string, text: string): Promise<void> => {
  const file = await realpath(path)
  const partial = `${file}.polyarch-partial`
  const { mode, uid, gid } = await stat(file)
  try {
    await writeFile(partial, text, { flag: 'wx' })
    const written = await stat(partial)
    if (written.uid !== uid || written.gid !== gid) await chown(partial, uid, gid)
    await chmod(partial, mode & 0o7777)
    await rename(partial, file)
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
}

/** What an extender reads of them. */
export interface LifecycleFiles {
  readonly text: string
  readonly analyzed: Analyzed
  readonly extensions: readonly Extension[]
}

/**
 * Reads analyzed.toml and group.toml; without the former there is no image.
 * @throws {Failure} with the lifecycle's code 1, where one cannot be read.
 */
export const readLifecycleFiles = async ({ paths }: ExtendPlan, host: Host): Promise<LifecycleFiles> => {
  const text = await findText(paths.analyzed)
  if (text === undefined) host.log.warning(`No analyzed metadata found at path "${paths.analyzed}"`)
  const group = await findText(paths.group)
  if (group === undefined)
    throw lifecycleFailure(
      'failed',
      `failed to initialize extender: reading group: failed to read group file: open ${paths.group}: no such file or directory`,
    )
  return {
    text: text ?? '',
    analyzed: parseAnalyzed(text ?? '', paths.analyzed),
    extensions: parseGroup(group, paths.group),
  }
}
