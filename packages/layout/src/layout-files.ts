// Files of a layout directory: opened without following links, written whole or not at all.
import { randomUUID } from 'node:crypto'
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs'
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure, inputFailure, StoreError, verificationFailure } from '@polyarch/oci'

/** The bytes that are read from disk at once. */
const chunkSize = 256 * 1024

/** The code of a system error, such as ENOENT. */
export const errorCode = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined

/** Whether the system says that there is no such file. */
export const isAbsent = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')

/** A system error in the user's terms: what could not be done with which file. */
const fileFailure = (path: string, doing: string, error: unknown): unknown => {
  const code = errorCode(error)
  if (error instanceof Failure || code === undefined) return error
  if (code === 'ELOOP') return linkFailure(path)
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS')
    return inputFailure(`${path}: no permission to ${doing} it (${code})`, { cause: error })
  if (code === 'ENOTDIR' || code === 'EEXIST' || code === 'EISDIR')
    return inputFailure(`${path}: cannot ${doing} it, something else is in its place (${code})`, { cause: error })
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return new StoreError('UNKNOWN', `${path}: cannot ${doing} it, there is no room left on its disk (${code})`, {
      cause: error,
    })
  return new StoreError('UNKNOWN', `${path}: cannot ${doing} it (${code})`, { cause: error })
}

/** The work's result, or its system error in the user's terms. */
export const attempt = async <T>(path: string, doing: string, work: Promise<T>): Promise<T> => {
  try {
    return await work
  } catch (error) {
    throw fileFailure(path, doing, error)
  }
}

const linkFailure = (path: string): Failure =>
  verificationFailure(`${path} is a symbolic link: the files of an OCI layout lie inside it`)

/**
 * Makes sure that the folders between the layout and a file of it are folders, not links; false where one is missing.
 * `checked` remembers them: an image of many layers asks for the same ones again and again.
 */
const checkFolders = async (directory: string, folders: readonly string[], checked?: Set<string>): Promise<boolean> => {
  let path = directory
  for (const folder of folders) {
    path = join(path, folder)
    if (checked?.has(path)) continue
    try {
      const found = await lstat(path)
      if (found.isSymbolicLink()) throw linkFailure(path)
      if (!found.isDirectory()) throw verificationFailure(`${path} is not a directory`)
      checked?.add(path)
    } catch (error) {
      if (isAbsent(error)) return false
      throw fileFailure(path, 'read', error)
    }
  }
  return true
}

/** A file inside a layout directory: the folders down to it and its name, none of which came from outside unchecked. */
export interface LayoutFile {
  readonly directory: string
  readonly folders: readonly string[]
  readonly name: string
}

export const pathOf = ({ directory, folders, name }: LayoutFile): string => join(directory, ...folders, name)

/** A regular file of the layout, opened for reading, with its size in bytes. */
export interface OpenFile extends AsyncDisposable {
  readonly handle: FileHandle
  readonly size: number
}

/**
 * Opens a file of the layout; undefined where there is none. Folders that are in `checked` are not looked at again.
 * @throws {Failure} verification, where a link stands in for it; input, where it may not be read.
 */
export const openFile = async (file: LayoutFile, checked?: Set<string>): Promise<OpenFile | undefined> => {
  if (!(await checkFolders(file.directory, file.folders, checked))) return undefined
  const path = pathOf(file)
  let handle: FileHandle
  try {
    // O_NONBLOCK: a named pipe in a blob's place must not hang the job.
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw fileFailure(path, 'read', error)
  }
  const found = await handle.stat()
  if (!found.isFile()) {
    await handle.close()
    throw verificationFailure(`${path} is not a file`)
  }
  return { handle, size: found.size, [Symbol.asyncDispose]: () => handle.close() }
}

/** The size of a regular file of the layout in bytes; undefined where there is none. It may still not be readable. */
export const sizeOfFile = async (file: LayoutFile, checked: Set<string>): Promise<number | undefined> => {
  if (!(await checkFolders(file.directory, file.folders, checked))) return undefined
  const path = pathOf(file)
  try {
    // One of many: through the thread pool each would take a hundred times as long.
    const found = lstatSync(path)
    if (found.isSymbolicLink()) throw linkFailure(path)
    if (!found.isFile()) throw verificationFailure(`${path} is not a file`)
    return found.size
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw fileFailure(path, 'read', error)
  }
}

/** The file's bytes, undefined where there is none; `limit` is the most that is read. */
export const readFile = async (file: LayoutFile, limit: number): Promise<Uint8Array | undefined> => {
  await using opened = await openFile(file)
  if (opened === undefined) return undefined
  if (opened.size > limit)
    throw verificationFailure(`${pathOf(file)} has ${opened.size} bytes: more than the limit of ${limit}`)
  return await opened.handle.readFile()
}

/** The open file's bytes from `start` on, in chunks; memory stays constant. */
export const readChunks = (opened: OpenFile, start: number): AsyncIterable<Uint8Array> =>
  opened.handle.createReadStream({ start, highWaterMark: chunkSize, autoClose: false })

/** Well over what a socket takes before it makes its writer wait (64 KiB): a chunk is sent before its buffer is due again. */
const lentSize = 256 * 1024

/** Fills the buffer from the file; a part of it only at the file's end. */
const fill = async ({ handle, size }: OpenFile, buffer: Uint8Array, position: number): Promise<number> => {
  const wanted = Math.min(buffer.length, size - position)
  let filled = 0
  while (filled < wanted) {
    const { bytesRead } = await handle.read(buffer, filled, wanted - filled, position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return filled
}

/** As `fill`, of the file with this descriptor, and nothing else happens meanwhile. */
const fillAtOnce = (file: number, size: number, buffer: Uint8Array, position: number): number => {
  const wanted = Math.min(buffer.length, size - position)
  let filled = 0
  while (filled < wanted) {
    const bytes = readSync(file, buffer, filled, wanted - filled, position + filled)
    if (bytes === 0) break
    filled += bytes
  }
  return filled
}

/** The longest that one read may keep everything else waiting; out of the page cache it takes a hundredth of that. */
const slowReadMs = 10

/**
 * The open file's bytes from `start` on, in chunks that are good until the next one is asked for: two buffers take turns.
 * What was just built is still in memory, where a way through the thread pool takes longer than the read itself; from
 * the first slow read on, reads leave the event loop alone.
 */
export async function* lendChunks(opened: OpenFile, start: number): AsyncGenerator<Uint8Array> {
  const { handle, size } = opened
  const length = Math.min(lentSize, size - start)
  let [buffer, other] = [Buffer.allocUnsafeSlow(length), Buffer.allocUnsafeSlow(size - start > length ? length : 0)]
  let isFast = true
  for (let at = start; at < size; ) {
    const startedAt = performance.now()
    const filled = isFast ? fillAtOnce(handle.fd, size, buffer, at) : await fill(opened, buffer, at)
    isFast &&= performance.now() - startedAt < slowReadMs
    if (filled === 0) return
    yield buffer.subarray(0, filled)
    at += filled
    ;[buffer, other] = [other, buffer]
  }
}

/** The most bytes that are read in one go. */
export const smallSize = 512 * 1024

/** Buffers that no one reads from at the moment: new memory costs more time than what is read into it. */
const spareBuffers: Buffer[] = []
const mostSpareBuffers = 64

const readAtOnce = (path: string, buffer: Buffer): { readonly size: number } | undefined => {
  let opened: number | undefined
  try {
    opened = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const found = fstatSync(opened)
    if (!found.isFile()) throw verificationFailure(`${path} is not a file`)
    const { size } = found
    const filled = fillAtOnce(opened, size, buffer, 0)
    return { size: filled < Math.min(size, buffer.length) ? filled : size }
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw fileFailure(path, 'read', error)
  } finally {
    if (opened !== undefined) closeSync(opened)
  }
}

/**
 * Lends the bytes of a small file until the next step is asked for, with its size; nothing where there is none. It is
 * read synchronously: going through the thread pool four times takes longer than the read. Folders that are in
 * `checked` are not looked at again.
 */
export async function* lendSmallFile(
  file: LayoutFile,
  checked: Set<string>,
): AsyncGenerator<{ readonly bytes: Uint8Array; readonly size: number }> {
  if (!(await checkFolders(file.directory, file.folders, checked))) return
  const buffer = spareBuffers.pop() ?? Buffer.allocUnsafeSlow(smallSize)
  const found = readAtOnce(pathOf(file), buffer)
  if (found !== undefined) yield { bytes: buffer.subarray(0, Math.min(found.size, buffer.length)), size: found.size }
  // Not where the reader left early: a socket may still be sending from it, and would go on with another file's bytes.
  if (spareBuffers.length < mostSpareBuffers) spareBuffers.push(buffer)
}

/** The name under which a file is written until it is whole. */
const draftOf = (name: string): string => `.${name.slice(0, 32)}.${randomUUID()}`
const draftPattern = /^\.[\w.-]{1,32}\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** No writer is silent for so long; one that is all the same finds its draft gone, and says so. */
const abandonedAfterMs = 24 * 60 * 60 * 1000

/** Removes the drafts in a folder of the layout whose writers were killed. */
export const removeAbandoned = async (directory: string, ...folders: readonly string[]): Promise<void> => {
  if (!(await checkFolders(directory, folders))) return
  const folder = join(directory, ...folders)
  for (const name of await attempt(folder, 'read', readdir(folder))) {
    if (!draftPattern.test(name)) continue
    const path = join(folder, name)
    try {
      const found = await lstat(path)
      if (found.isFile() && Date.now() - found.mtimeMs > abandonedAfterMs) await rm(path, { force: true })
    } catch (error) {
      // Another writer was quicker; or it is somebody else's, and in nobody's way.
      if (!isAbsent(error) && !['EACCES', 'EPERM'].includes(errorCode(error) ?? ''))
        throw fileFailure(path, 'remove', error)
    }
  }
}

/**
 * Writes the file whole: under a temporary name beside it, then renamed over it. Where the content or the disk fails,
 * nothing of it stays and what was there before is untouched. `beforeRename` may still refuse.
 */
export const replaceFile = async (
  file: LayoutFile,
  content: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  beforeRename?: () => Promise<void>,
): Promise<void> => {
  const path = pathOf(file)
  const folder = join(file.directory, ...file.folders)
  const temporary = join(folder, draftOf(file.name))
  if (!(await checkFolders(file.directory, file.folders)))
    await attempt(folder, 'create', mkdir(folder, { recursive: true }))
  try {
    {
      await using handle = await attempt(path, 'write', open(temporary, 'wx'))
      for await (const chunk of content) await attempt(path, 'write', handle.writeFile(chunk))
    }
    await beforeRename?.()
    await attempt(path, 'write', rename(temporary, path))
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/** Removes the file, if it is there. */
export const removeFile = async (file: LayoutFile): Promise<void> => {
  if (await checkFolders(file.directory, file.folders))
    await attempt(pathOf(file), 'remove', rm(pathOf(file), { force: true }))
}
