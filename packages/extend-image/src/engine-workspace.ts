// Where engines keep their files while they run: never inside a directory that the commands of an extension see.
import { access, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { type BuildMount, isInside } from '@polyarch/engine'
import type { Inputs } from './inputs.ts'

/** The host and the inputs as engines get them. */
export interface EngineWorkspace extends AsyncDisposable {
  readonly host: Host
  readonly inputs: Inputs
}

/** Inputs of engines that are paths from the workspace on. */
const pathInputs = ['ca-file', 'executor', 'buildkit-tls', 'buildkit-state'] as const

/** The same inputs, meant from another directory on. */
const anchorPaths = (inputs: Inputs, directory: string): Inputs => ({
  ...inputs,
  ...Object.fromEntries(
    pathInputs.flatMap((name) => {
      const path = inputs[name]
      return path === undefined ? [] : [[name, resolve(directory, path)]]
    }),
  ),
  'client-certificates': inputs['client-certificates'].map((line) =>
    line.replace(/([=,])([^=,]+)/g, (_, sign: string, path: string) => `${sign}${resolve(directory, path.trim())}`),
  ),
  ssh: inputs.ssh.map((line) => {
    const equals = line.indexOf('=')
    return equals === -1 ? line : `${line.slice(0, equals + 1)}${resolve(directory, line.slice(equals + 1))}`
  }),
})

/**
 * Whether this is the kaniko image: there the executor has no other root than the job's, so that nothing can be hidden
 * from commands or shown to them elsewhere.
 */
export const isKanikoImage = (): Promise<boolean> =>
  access('/kaniko/executor').then(
    () => true,
    () => false,
  )

/**
 * Opens the workspace for engines: the host's own, or, where commands see that one because the app or the layers are in
 * the way, another one that is gone afterwards. Logins and half-written layers lie there.
 */
export const openEngineWorkspace = async (
  inputs: Inputs,
  mounts: readonly BuildMount[],
  host: Host,
): Promise<EngineWorkspace> => {
  const isSeen = mounts.some(({ directory }) => isInside(directory, host.directory))
  if (!isSeen || (await isKanikoImage())) return { host, inputs, [Symbol.asyncDispose]: () => Promise.resolve() }
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'polyarch-extend-')))
  return {
    host: { ...host, directory },
    inputs: anchorPaths(inputs, host.directory),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  }
}
