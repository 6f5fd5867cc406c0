// Finds digest records: in directories, files and globs, or in JSON as a forge hands on the outputs of jobs.
import { glob, readdir, stat } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { splitList } from '@polyarch/ci-host'
import { documentSizeLimit, parseDigestRecord, readDocumentText } from '@polyarch/documents'
import { Failure, inputFailure } from '@polyarch/oci'
import type { FoundRecord } from './plan.ts'

/** Where records lie when nobody says. */
const defaultRecords = '.polyarch/records'

const schemaOf = (value: unknown): string | undefined =>
  typeof value === 'object' && value !== null && 'schema' in value && typeof value.schema === 'string'
    ? value.schema
    : undefined

const looksLikeJson = (text: string): boolean => /^\s*[[{]/.test(text)

/** `needs` holds jobs, jobs hold outputs, outputs hold a record as text: deeper than this there is nothing of ours. */
const deepest = 8

const collectRecords = (value: unknown, place: string, depth = 0): FoundRecord[] => {
  if (depth > deepest) return []
  if (typeof value === 'string') {
    if (!looksLikeJson(value)) return []
    let parsed: unknown
    try {
      parsed = JSON.parse(value)
    } catch {
      // An output that begins like JSON and is something else is another job's business.
      return []
    }
    return collectRecords(parsed, place, depth + 1)
  }
  if (schemaOf(value)?.startsWith('polyarch.digest/'))
    return [{ record: parseDigestRecord(JSON.stringify(value), place), place }]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, entry]) => collectRecords(entry, `${place}.${key}`, depth + 1))
}

/**
 * The records in JSON: one record, a list of them, or any object that has them inside, as `toJSON(needs)` has.
 * @throws {Failure} input, when it is not JSON, or a record in it is none.
 */
export const parseRecords = (json: string): FoundRecord[] => {
  if (json.length > documentSizeLimit) throw inputFailure(`input records: larger than ${documentSizeLimit} bytes`)
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (cause) {
    throw inputFailure(`input records: not JSON (${(cause as Error).message})`, { cause })
  }
  return collectRecords(value, 'input records')
}

const isDirectory = async (path: string): Promise<boolean> => (await stat(path)).isDirectory()

/** The JSON files below a directory: downloaded artifacts lie in directories of their own. Links are not followed. */
const listDirectory = async (directory: string): Promise<string[]> =>
  (await readdir(directory, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile() && entry.name.endsWith('.json'))
    .map((entry) => join(entry.parentPath, entry.name))

const listGlob = async (pattern: string, directory: string): Promise<string[]> => {
  const files: string[] = []
  for await (const file of glob(pattern, { cwd: directory })) files.push(resolve(directory, file))
  return files
}

const readRecord = async (file: string, directory: string): Promise<FoundRecord> => {
  const place = relative(directory, file) || file
  return { record: parseDigestRecord(await readDocumentText('records', file), place), place }
}

/** Reads what a directory holds; plans and merge results may lie beside the records. */
const readDirectory = async (path: string, directory: string): Promise<FoundRecord[]> => {
  const files = await listDirectory(path)
  const found = await Promise.all(
    files.toSorted().map(async (file) => {
      const text = await readDocumentText('records', file)
      const place = relative(directory, file)
      if (/"schema"\s*:\s*"polyarch\.(?:plan|merge)\//.test(text.slice(0, 4096))) return []
      return [{ record: parseDigestRecord(text, place), place }]
    }),
  )
  return found.flat()
}

const readEntry = async (entry: string, directory: string): Promise<FoundRecord[]> => {
  const path = resolve(directory, entry)
  try {
    return (await isDirectory(path)) ? await readDirectory(path, directory) : [await readRecord(path, directory)]
  } catch (cause) {
    if (cause instanceof Failure) throw cause
    const { code } = cause as NodeJS.ErrnoException
    if (code !== 'ENOENT') throw inputFailure(`input records: cannot read ${entry} (${code})`, { cause })
    const files = /[*?[]/.test(entry) ? await listGlob(entry, directory) : []
    if (files.length === 0) throw inputFailure(`input records: there is no ${entry}`, { cause })
    return await Promise.all(files.toSorted().map((file) => readRecord(file, directory)))
  }
}

const readDefault = async (directory: string): Promise<FoundRecord[]> => {
  try {
    return await readDirectory(resolve(directory, defaultRecords), directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/**
 * The records that the input `records` names; without it, those in the default directory.
 * @throws {Failure} input, when a file is missing, unreadable or no record.
 */
export const findRecords = async (entries: readonly string[], directory: string): Promise<FoundRecord[]> => {
  if (entries.length === 0) return await readDefault(directory)
  const text = entries.join('\n')
  if (looksLikeJson(text)) {
    const single = entries.every((entry) => entry.startsWith('{') && entry.endsWith('}'))
    return single ? entries.flatMap(parseRecords) : parseRecords(text)
  }
  const found = await Promise.all(splitList(entries).map((entry) => readEntry(entry, directory)))
  // One file may be named twice, by its directory and by itself.
  return [...new Map(found.flat().map((record) => [record.place, record])).values()]
}
