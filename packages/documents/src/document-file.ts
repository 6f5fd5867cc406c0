// Documents as files: read from an input, written whole or not at all.
import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { inputFailure } from '@polyarch/oci'
import type { DigestRecord } from './digest-record.ts'
import { formatDocument, parsePlan } from './document.ts'
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

/**
 * The plan that the input `plan` holds: its JSON, or the path of its file, seen from the directory.
 * @throws {Failure} input, when it cannot be read or is no plan; verification, when it was changed after planning.
 */
export const readPlan = async (value: string, directory: string): Promise<Plan> => {
  if (value.trimStart().startsWith('{')) return parsePlan(value, 'input plan')
  return parsePlan(await readDocumentText('plan', resolve(directory, value)), value)
}

/** Writes the document in one move: whoever reads the file finds the old one, the new one or none. */
export const writeDocument = async (file: string, document: Plan | DigestRecord | MergeResult): Promise<void> => {
  await mkdir(dirname(file), { recursive: true })
  const temporary = `${file}.${randomUUID()}.tmp`
  try {
    const handle = await open(temporary, 'wx', 0o644)
    try {
      await handle.writeFile(formatDocument(document))
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
}
