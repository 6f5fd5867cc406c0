// Builds what the inputs ask for; the layout exists afterwards only if it is whole and right.

import { buildWithBuildah } from '@polyarch/buildah'
import type { Host } from '@polyarch/ci-host'
import { outputsOf, readBuildRequest } from '@polyarch/engine'
import { openStores } from '@polyarch/stores'
import type { Inputs } from './inputs.ts'
import type { Outputs } from './outputs.ts'
import { engine, planEngine } from './plan.ts'

export const run = async (inputs: Inputs, host: Host): Promise<Outputs> => {
  const request = await readBuildRequest(inputs, host, engine)
  await using stores = await openStores(inputs, host)
  return outputsOf(await buildWithBuildah(request, planEngine(inputs), host, stores))
}
