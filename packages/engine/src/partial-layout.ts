// The directory that an engine writes into: next to the layout, and moved into its place only when it is whole.
import { chmod, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, parse } from 'node:path'
import { inputFailure } from '@polyarch/oci'
import { findAbandoned, ownerTag } from './owner.ts'

export interface PartialLayout extends AsyncDisposable {
  readonly path: string
  /** Moves it to where the layout belongs, in the place of an earlier one. */
  publish(): Promise<void>
}

const listDirectory = async (directory: string): Promise<string[]> => {
  try {
    return await readdir(directory)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return []
    throw inputFailure(`input layout: ${directory} cannot be a layout directory (${code})`, { cause })
  }
}

/**
 * Opens an empty directory for a layout to be built in; disposed of, it is gone with what is in it.
 * @throws {Failure} input, when something that is no layout is where the layout should go.
 */
export const openPartialLayout = async (layout: string): Promise<PartialLayout> => {
  if (parse(layout).root === layout) throw inputFailure(`input layout: ${layout} cannot be a layout directory`)
  const present = await listDirectory(layout)
  if (present.length > 0 && !present.includes('oci-layout'))
    throw inputFailure(`input layout: ${layout} holds something else: expected an OCI image layout or nothing`)
  await mkdir(dirname(layout), { recursive: true })
  const prefix = `.${basename(layout)}.partial-`
  for (const abandoned of await findAbandoned(dirname(layout), prefix)) await rm(abandoned, { recursive: true })
  const path = await mkdtemp(join(dirname(layout), `${prefix}${await ownerTag()}-`))
  return {
    path,
    publish: async () => {
      await chmod(path, 0o755)
      const earlier = `${path}-earlier`
      const replaces = present.length > 0 || (await listDirectory(dirname(layout))).includes(basename(layout))
      if (replaces) await rename(layout, earlier)
      try {
        await rename(path, layout)
      } catch (error) {
        if (replaces) await rename(earlier, layout)
        throw error
      }
      await rm(earlier, { recursive: true, force: true })
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}
