// Temporary directories that remove themselves.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface TemporaryDirectory extends AsyncDisposable {
  readonly path: string
}

/** A fresh directory, removed with all it holds when disposed (`await using`). */
export const temporaryDirectory = async (name = 'polyarch'): Promise<TemporaryDirectory> => {
  const path = await mkdtemp(join(tmpdir(), `${name}-`))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
