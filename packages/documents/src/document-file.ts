// Documents as files: read from an input, written whole or not at all.
import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { inputFailure } from '@polyarch/oci'
import type { DigestRecord } from './digest-record.ts'
import { formatDocument } from './document.ts'
import type { MergeResult } from './merge-result.ts'
import type { Plan } from './plan.ts'

/**
 * The text of a document's file.
 * @throws {Failure} input, naming the input and the file that cannot be read.
 */
export const readDocumentText = async (input: string, file: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw inputFailure(`input ${input}: cannot read ${file} (${(cause as NodeJS.ErrnoException).code})`, { cause })
  }
}

/** What the system says of a file that cannot be written, as the user's failure. */
const writeFailure = (file: string, error: unknown): unknown => {
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined) return error
  const reason = code === 'ENOSPC' || code === 'EDQUOT' ? `there is no room left on its disk, ${code}` : code
  return inputFailure(`cannot write ${file} (${reason})`, { cause: error })
}

/** Writes a new file that is on the disk when this ends; where that fails, nothing of it stays. */
const writeWhole = async (path: string, text: string): Promise<void> => {
  const handle = await open(path, 'wx', 0o644)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } catch (error) {
    await rm(path, { force: true })
    throw error
  } finally {
    await handle.close()
  }
}

const moveInto = async (temporary: string, file: string): Promise<void> => {
  try {
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}

/**
 * Writes the document in one move: whoever reads the file finds the old one, the new one or none.
 * @throws {Failure} input, naming the file that cannot be written.
 */
export const writeDocument = async (file: string, document: Plan | DigestRecord | MergeResult): Promise<void> => {
  const temporary = `${file}.${randomUUID()}.tmp`
  try {
    await mkdir(dirname(file), { recursive: true })
    await writeWhole(temporary, formatDocument(document))
    await moveInto(temporary, file)
  } catch (error) {
    throw writeFailure(file, error)
  }
}
