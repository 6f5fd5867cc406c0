// Shows what a run merged.
import type { Host } from '@polyarch/ci-host'
import { readPlan } from '@polyarch/documents'
import { inputFailure } from '@polyarch/oci'
import type { Inputs } from './inputs.ts'
import type { Outputs } from './outputs.ts'
import { planReport } from './plan.ts'
import { findResults, receiveResults } from './result-source.ts'
import { describeResults } from './table.ts'

/** Reads the results and logs them as one table. */
export const run = async (inputs: Inputs, host: Host): Promise<Outputs> => {
  const plan = inputs.plan === undefined ? undefined : await readPlan(inputs.plan, host)
  if (inputs.handoff === 'artifact' && plan === undefined)
    throw inputFailure('input handoff: artifact needs the plan, which names the images')
  const found =
    inputs.handoff === 'artifact' && plan !== undefined
      ? await receiveResults(plan, host)
      : await findResults(inputs.results, host.directory)
  const outputs = planReport(plan, found)
  host.log.info(describeResults(outputs.images))
  for (const { image, reason } of plan?.skipped ?? []) host.log.info(`${image}: skipped, ${reason}`)
  if (outputs.missing.length > 0) host.log.warning(`no result for ${outputs.missing.join(', ')}`)
  return outputs
}
