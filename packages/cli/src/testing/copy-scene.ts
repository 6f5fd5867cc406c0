// What the tests of polyarch copy share: a directory of its own, stores opened below it, and the step run in it.
import { openHost, parseInputs } from '@polyarch/ci-host'
import { parseStoreLocation, type Store } from '@polyarch/oci'
import { temporaryDirectory } from '@polyarch/parts'
import { openStores } from '@polyarch/stores'
import { step } from '../copy.ts'

export interface CopyScene extends AsyncDisposable {
  /** Where relative layout directories start. */
  readonly directory: string
  /** The warnings of all copies so far. */
  readonly warnings: readonly string[]
  /** The store that the location names. */
  open(location: string): Store
  /** Runs the step, and says nothing. */
  copy(source: string, destination: string, others?: Readonly<Record<string, string>>): ReturnType<typeof step.run>
}

export const openCopyScene = async (): Promise<CopyScene> => {
  const directory = await temporaryDirectory('copy')
  const warnings: string[] = []
  const host = openHost({}, directory.path)
  const log = { ...host.log, info: () => undefined, warning: (line: string) => void warnings.push(line) }
  const quiet = Object.assign(Object.create(host) as typeof host, { log })
  const stores = await openStores({ 'registry-auth': [], 'insecure-registries': [], 'registry-mirrors': [] }, quiet)
  return {
    directory: directory.path,
    warnings,
    open: (location) => stores.open(parseStoreLocation(location)),
    copy: (source, destination, others = {}) => step.run(parseInputs(step, { source, destination, ...others }), quiet),
    [Symbol.asyncDispose]: async () => {
      await stores[Symbol.asyncDispose]()
      await directory[Symbol.asyncDispose]()
    },
  }
}
