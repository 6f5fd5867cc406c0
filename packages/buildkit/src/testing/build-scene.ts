// What tests of builds need: a build in this process, as a step would ask for it.
import { type Host, parseInputs, type RawInputs } from '@polyarch/ci-host'
import { type BuildRequest, buildInputs, type EngineResult, readBuildRequest } from '@polyarch/engine'
import { openStores, storeInputs } from '@polyarch/stores'
import { z } from 'zod'
import { buildWithBuildkit } from '../build.ts'
import { buildkitInputs } from '../inputs.ts'

const Inputs = z.object({ ...buildInputs, ...buildkitInputs, ...storeInputs })

/** Builds what the inputs say, with changes that only another step could ask for. */
export const build = async (host: Host, raw: RawInputs, change: Partial<BuildRequest> = {}): Promise<EngineResult> => {
  const inputs = parseInputs({ inputs: Inputs }, raw)
  const request = await readBuildRequest(inputs, host, 'buildkit')
  await using stores = await openStores(inputs, host)
  return await buildWithBuildkit({ ...request, ...change }, inputs, host, stores)
}
