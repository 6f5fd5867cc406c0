// group.toml: the extensions in the order in which they apply.
import { Failure } from '@polyarch/oci'
import { z } from 'zod'
import { checkBuildpackApi } from './api-version.ts'
import { lifecycleFailure } from './lifecycle-failure.ts'
import { parseToml } from './toml.ts'

const extension = z.object({ id: z.string().default(''), version: z.string().default(''), api: z.string().default('') })

const Group = z.object({ 'group-extensions': z.array(extension).default([]) })

export type Extension = z.output<typeof extension>

/** An id as part of a path, as the lifecycle writes it. */
export const escapeId = (id: string): string => id.replaceAll('/', '_')

/**
 * The extensions of the group in their order.
 * @throws {Failure} with the lifecycle's code 1, where the file is no TOML; 12, for a buildpack API that is not known.
 */
export const parseGroup = (text: string, path: string): readonly Extension[] => {
  const fail = (message: string, cause?: unknown) =>
    lifecycleFailure('failed', `failed to initialize extender: reading group: failed to read group file: ${message}`, {
      cause,
    })
  const read = (): z.output<typeof Group> => {
    try {
      return parseToml(Group, text, path)
    } catch (error) {
      if (error instanceof Failure) throw fail(error.message, error)
      throw error
    }
  }
  const { 'group-extensions': extensions } = read()
  for (const { id, version, api } of extensions) {
    // The id names a directory below the generated one.
    if (id.includes('\0') || ['', '.', '..'].includes(id))
      throw fail(`${path}: ${JSON.stringify(id)} is no extension's id`)
    checkBuildpackApi(`${id}@${version}`, api)
  }
  return extensions
}
