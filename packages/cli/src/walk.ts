// polyarch run: plans, builds every leg, pushes it by digest and merges, on this one machine.
import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { defineStep, type Host, type Log, number, parseInputs, pickInputs, text } from '@polyarch/ci-host'
import { step as detectArch } from '@polyarch/detect-arch'
import { type Leg, MergeResult, orderInWaves, Plan, readPlan, requireImage } from '@polyarch/documents'
import { step as mergeManifest } from '@polyarch/merge-manifest'
import { step as pushDigest } from '@polyarch/push-digest'
import { step as report } from '@polyarch/report'
import { storeInputs } from '@polyarch/stores'
import { z } from 'zod'
import { builders, engineInputs, extendLeg } from './builders.ts'

const inputs = z.object({
  ...detectArch.inputs.omit({ handoff: true }).shape,
  ...engineInputs,
  to: text('Where everything goes instead: repositories become <to>/<image id>; oci:DIR needs no server'),
  overwrite: mergeManifest.inputs.shape.overwrite,
  'work-directory': text('Where plan, layouts, records and results are written', { default: '.polyarch' }),
  parallel: number('How many legs are built at once', { default: 2 }),
  ...storeInputs,
})

const outputs = z.object({
  plan: Plan.describe('The plan that was carried out'),
  results: z.array(MergeResult).describe('One merge result per image'),
})

/** The host as one task sees it: what it logs becomes its status, and what it starts ends when another task fails. */
const hostOfTask = (host: Host, title: string, status: (text: string) => void, signal: AbortSignal): Host => {
  // Steps name the leg themselves where they run alone; here the title does.
  const plain = (message: string): string =>
    message.startsWith(`${title}: `) ? message.slice(title.length + 2) : message
  const log: Log = {
    debug: (message) => host.log.debug(`${title}: ${plain(message)}`),
    info: (message) => status(plain(message)),
    warning: (message, place) => host.log.warning(`${title}: ${plain(message)}`, place),
    error: (message, place) => host.log.error(`${title}: ${plain(message)}`, place),
    group: (name, work) => {
      status(name)
      return work()
    },
  }
  const exec: Host['exec'] = (command) =>
    host.exec({ ...command, signal: command.signal ? AbortSignal.any([signal, command.signal]) : signal })
  return { ...host, log, exec, signal }
}

/** Plans, builds, pushes and merges; nothing is tagged before every platform of an image is in its store. */
export const step = defineStep({
  name: 'run',
  title: 'Polyarch: the whole way',
  description: 'Plans, builds every leg, pushes each by digest and merges them, on this one machine.',
  inputs,
  outputs,
  run: async (values, host) => {
    const work = resolve(host.directory, values['work-directory'])
    const planFile = join(work, 'plan.json')
    // This machine is the runner of every leg, whatever runners a forge would have for them.
    const runners = values.runners.length > 0 ? values.runners : ['local']
    const wanted = { runners, registry: values.to ?? values.registry, output: planFile, handoff: 'none' } as const
    await detectArch.run({ ...values, ...wanted }, host)
    const plan = await readPlan(planFile, host)
    if (plan.images.length === 0) {
      host.log.info('nothing to build')
      return { plan, results: [] }
    }
    const shared = pickInputs(values, storeInputs)
    const alike = { ...pickInputs(values, engineInputs), ...shared }
    const results: MergeResult[] = []
    const runLeg = (leg: Leg) => async (status: (text: string) => void, signal: AbortSignal) => {
      const own = hostOfTask(host, leg.id, status, signal)
      const layout = join(work, 'layouts', leg.id)
      const place = { plan: planFile, leg: leg.id, layout }
      const { needs, extend } = requireImage(plan, leg.image)
      const bases = needs.map((image) => join(work, 'merge', `${image}.json`))
      const record = join(work, 'records', `${leg.id}.json`)
      try {
        const built = extend
          ? await extendLeg(place, alike, own)
          : await builders[leg.engine]({ ...place, bases }, alike, own)
        const version = `${leg.engine}@${built['engine-version']}`
        await pushDigest.run({ ...parseInputs(pushDigest, { ...place, record, engine: version }), ...shared }, own)
      } finally {
        await rm(layout, { recursive: true, force: true })
      }
    }
    for (const wave of orderInWaves(plan.images)) {
      const legs = plan.legs.filter((leg) => wave.some((image) => image.id === leg.image))
      await host.runTasks(
        legs.map((leg) => ({ title: leg.id, run: runLeg(leg) })),
        Math.max(1, values.parallel),
      )
      await host.runTasks(
        wave.map((image) => ({
          title: `${image.id}: merge`,
          run: async (status, signal) => {
            const records = plan.legs
              .filter((leg) => leg.image === image.id)
              .map((leg) => join(work, 'records', `${leg.id}.json`))
            const result = join(work, 'merge', `${image.id}.json`)
            const own = hostOfTask(host, image.id, status, signal)
            const merged = await mergeManifest.run(
              {
                ...parseInputs(mergeManifest, { plan: planFile, image: image.id, records, result }),
                ...shared,
                overwrite: values.overwrite,
              },
              own,
            )
            if (merged.result) results.push(merged.result)
          },
        })),
        4,
      )
    }
    const files = results.map((result) => join(work, 'merge', `${result.image}.json`))
    await report.run(parseInputs(report, { plan: planFile, results: files }), host)
    return { plan, results }
  },
})
