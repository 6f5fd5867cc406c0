// What the tests of this package share: a client without patience or chance, and streams read to their end.
import type { Store } from '@polyarch/oci'
import { type Access, openRegistry, type RegistryClient, type RegistryOptions } from '../index.ts'
import { createFakeClock, type FakeClock } from './fake-clock.ts'

export interface TestClient extends AsyncDisposable {
  readonly client: RegistryClient
  readonly clock: FakeClock
  /** The lines of the log. */
  readonly retries: readonly string[]
  open(host: string, name?: string, access?: Access): Store
}

/** A client whose pauses take no time. */
export const openTestClient = (options: RegistryOptions = {}): TestClient => {
  const clock = createFakeClock()
  const retries: string[] = []
  const client = openRegistry({ clock, random: () => 1, onRetry: (line) => retries.push(line), ...options })
  return {
    client,
    clock,
    retries,
    open: (host, name = 'acme/web', access) => client.repository({ host, name }, access),
    [Symbol.asyncDispose]: () => client.close(),
  }
}

export const readAll = async (chunks: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return Buffer.concat(parts)
}

/** What the work throws. */
export const errorOf = async (work: Promise<unknown>): Promise<Error> => {
  try {
    await work
  } catch (error) {
    if (error instanceof Error) return error
    throw error
  }
  throw new Error('expected a failure')
}
