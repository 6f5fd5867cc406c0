// Runs detect-arch: reads what was asked for, plans it, and says what it found.
import { resolve } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { sealPlan, writeDocument } from '@polyarch/documents'
import { handOn } from './handoff.ts'
import type { Inputs } from './inputs.ts'
import { readMachine, thisMachine } from './machine.ts'
import { outputsFit, planFits, planMatrices } from './matrix.ts'
import type { Outputs } from './outputs.ts'
import { type Planned, planImages } from './planning.ts'
import { describeMachine, describePlan, reportPlan } from './report.ts'
import { readRequest } from './request.ts'

/** Where a plan goes that no output can hold. */
const defaultPlanFile = '.polyarch/plan.json'

/** Plans, and tells of the machine where there is nothing to plan. */
export const run = async (inputs: Inputs, host: Host): Promise<Outputs> => {
  const machine = await readMachine(thisMachine(host.env))
  const request = await readRequest(inputs, host)
  for (const doubt of machine.doubts) host.log.warning(doubt)
  let result: Planned
  if (request === undefined) {
    host.log.info('nothing to plan: no polyarch.yaml, no build-config.yaml, and no input image, context or dockerfile')
    host.log.info(describeMachine(machine, host.kind))
    const plan = sealPlan({ source: await host.sourceFacts(), images: [], legs: [], skipped: [] })
    result = { plan, reasons: new Map(), notes: [] }
  } else {
    result = await planImages(request, inputs, machine, host)
    host.log.info(describePlan(result))
    for (const note of result.notes) host.log.info(note)
  }
  const { plan } = result
  const outputs = {
    empty: plan.images.length === 0,
    'host-platform': machine.platform,
    ...planMatrices(plan, host.kind),
  }
  const reasons = Object.fromEntries(result.reasons)
  const fits = planFits(plan, outputs, host.kind)
  const handsOn = inputs.handoff === 'artifact'
  const file = inputs.output ?? (fits && !handsOn ? undefined : defaultPlanFile)
  if (file !== undefined) await writeDocument(resolve(host.directory, file), plan)
  if (handsOn && file !== undefined) {
    await host.summarise(reportPlan({ ...outputs, reasons, ...(fits ? { plan } : {}), 'plan-file': file }))
    return { ...outputs, plan: await handOn(plan, file, host), 'plan-file': file }
  }
  if (!fits) host.log.info(`the plan is too big for an output: it is in ${file}; handoff: artifact hands it on`)
  const told = fits ? { plan, ...(outputsFit({ ...outputs, plan, reasons }, host.kind) ? { reasons } : {}) } : {}
  return { ...outputs, ...told, ...(file === undefined ? {} : { 'plan-file': file }) }
}
