// What tests of builds need: a build in this process, as a step would ask for it.
import { type Host, parseInputs, type RawInputs } from '@polyarch/ci-host'
import { type BuildRequest, buildInputs, type EngineResult, readBuildRequest } from '@polyarch/engine'
import { openStores, storeInputs } from '@polyarch/stores'
import { z } from 'zod'
import { buildWithBuildah } from '../build.ts'
import { buildahInputs } from '../inputs.ts'

const Inputs = z.object({ ...buildInputs, ...buildahInputs, ...storeInputs })

/** Builds what the inputs say, with changes that only another step could ask for. */
export const build = async (host: Host, raw: RawInputs, change: Partial<BuildRequest> = {}): Promise<EngineResult> => {
  const inputs = parseInputs({ inputs: Inputs }, raw)
  const request = await readBuildRequest(inputs, host, 'buildah')
  await using stores = await openStores(inputs, host)
  return await buildWithBuildah({ ...request, ...change }, inputs, host, stores)
}
