// An executor that is ready to be asked and to build: what keeps it from this machine, and where it works.
import type { Host } from '@polyarch/ci-host'
import { findIdMapping, openWorkDirectory, removeMapped, removePlainly } from '@polyarch/engine'
import type { Stores } from '@polyarch/stores'
import { openCacheDirectory } from './cache-directory.ts'
import { chooseLauncher } from './choose-launcher.ts'
import { openContainerLauncher } from './container-launcher.ts'
import type { EngineFacts } from './engine-facts.ts'
import { openExecutorFile, openExecutorImage } from './executor-source.ts'
import type { KanikoSettings } from './inputs.ts'
import { openInsideLauncher } from './inside-launcher.ts'
import { openJailLauncher } from './jail-launcher.ts'
import { askEngine } from './known-facts.ts'
import type { Launcher } from './launcher.ts'

export interface OpenExecutor extends AsyncDisposable {
  readonly launcher: Launcher
  /** What it says of itself. */
  readonly facts: EngineFacts
  /** Absolute: this run's work directory. */
  readonly work: string
}

/**
 * Opens the executor that the settings name; disposed of, its work directory is gone.
 * @param hostNetwork whether a container of it has to reach this machine's loopback
 * @throws {Failure} input, when there is none, or nothing that keeps it from this machine.
 */
export const openExecutor = async (
  settings: Pick<KanikoSettings, 'launcher' | 'executor' | 'kaniko-image'>,
  host: Host,
  stores: Stores,
  hostNetwork: boolean,
): Promise<OpenExecutor> => {
  const { launcher: name, reason } = await chooseLauncher(settings, host)
  host.log.info(`launcher ${name}: ${reason}`)
  const mapping = name === 'jail' ? await findIdMapping(host) : 'all'
  const removeTree = name === 'jail' ? removeMapped(host, mapping) : removePlainly
  const { 'kaniko-image': image, executor: file } = settings
  await using opened = new AsyncDisposableStack()
  const work = opened.use(await openWorkDirectory(host.directory, 'kaniko', removeTree)).path
  const cache = await openCacheDirectory(host, work)
  const openLauncher = async (): Promise<Launcher> => {
    if (name === 'inside') return await openInsideLauncher(host)
    if (name !== 'jail') return openContainerLauncher(host, name, { image, hostNetwork })
    const executor =
      file === undefined ? await openExecutorImage(host, stores, image, cache) : await openExecutorFile(host, file)
    return openJailLauncher(host, executor, { work, mapping, removeTree })
  }
  const launcher = await openLauncher()
  const facts = await askEngine(launcher, cache)
  const kept = opened.move()
  return { launcher, facts, work, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}
