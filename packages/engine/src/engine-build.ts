// What building with an engine is, whichever it is: what it is told, what it gives back, how it ends.
import type { Host } from '@polyarch/ci-host'
import type { StoreSettings, Stores } from '@polyarch/stores'
import type { BuildInputs } from './build-inputs.ts'
import type { BuildRequest } from './build-request.ts'
import type { EngineRun } from './engine-run.ts'
import { type FinishedLayout, finishLayout } from './finished-layout.ts'
import type { PartialLayout } from './partial-layout.ts'

/** What every engine is told besides the request: how to reach registries, and what the preflight is for. */
export type EngineSettings = StoreSettings & Pick<BuildInputs, 'preflight'>

/** What an engine built. */
export interface EngineResult {
  /** Where the request wants it. */
  readonly layout: FinishedLayout
  /** The version that the engine says it has. */
  readonly version: string
  readonly run: EngineRun
}

/**
 * Builds the request with one engine: preflight, build, checks, layout in its place. Whatever happens, nothing else is
 * left behind, and the layout that was there stays unless a whole and right one takes its place.
 * @throws {Failure} preflight, when the engine would build it wrongly; input, when this machine lacks what it takes;
 * build, registry, denied, when the engine fails; verification, when what it built is not what was asked for.
 */
export type BuildWithEngine<Settings extends EngineSettings> = (
  request: BuildRequest,
  settings: Settings,
  host: Host,
  stores: Stores,
) => Promise<EngineResult>

/** Checks what the engine wrote and puts it where the request wants it. */
export const publishBuild = async (
  partial: PartialLayout,
  { name, platform, mediaType, layout }: BuildRequest,
  host: Host,
): Promise<FinishedLayout> => {
  const finished = await finishLayout(partial.path, platform, mediaType)
  await partial.publish()
  host.log.info(`${name}: ${finished.manifest.digest} in ${layout}`)
  return { ...finished, directory: layout }
}
