// Extends the image: what the lifecycle left, Dockerfile after Dockerfile, then where the exporter or the next job looks for it.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { readPlan, requireExtension, requireLeg } from '@polyarch/documents'
import { type EngineResult, hostPlatform, openWorkDirectory } from '@polyarch/engine'
import {
  type Descriptor,
  Failure,
  formatPlatform,
  inputFailure,
  normalisePlatform,
  type Platform,
  samePlatform,
} from '@polyarch/oci'
import { openStores, type Stores } from '@polyarch/stores'
import { type Analyzed, referenceOf, replaceImage } from './analyzed.ts'
import { applyDockerfiles } from './applied-dockerfiles.ts'
import { deliverImage } from './destination.ts'
import { isKanikoImage, openEngineWorkspace } from './engine-workspace.ts'
import { findMounts, planMounts } from './extension-request.ts'
import { readGenerated } from './generated.ts'
import { type ImageLocation, parseImageReference, readSourceImage, type SourceImage } from './image-source.ts'
import type { Inputs } from './inputs.ts'
import { writeImage } from './layered-image.ts'
import { whileDoing } from './lifecycle-failure.ts'
import { readLifecycleFiles, replaceText } from './lifecycle-files.ts'
import { readLifecycleLogins } from './lifecycle-logins.ts'
import { limitLog } from './log-level.ts'
import type { Outputs } from './outputs.ts'
import { type ExtendPlan, type ExtensionLeg, planExtension } from './plan.ts'
import { checkOutputDirectory, describeDuplicates } from './sparse-layout.ts'

const readLeg = async (inputs: Inputs, host: Host): Promise<ExtensionLeg | undefined> => {
  if (inputs.leg === undefined) return undefined
  if (inputs.plan === undefined) throw inputFailure('inputs plan and leg belong together: plan is missing')
  const plan = await readPlan(inputs.plan, host)
  const leg = requireLeg(plan, inputs.leg)
  return { leg, extension: requireExtension(plan, leg) }
}

/** The platform that an image is chosen for where its digest is an index. */
const wantedPlatform = ({ platform, kind }: ExtendPlan, analyzed: Analyzed): Platform => {
  const target = kind === 'run' ? analyzed['run-image']?.target : undefined
  if (platform !== undefined) return platform
  if (!target?.os || !target.arch) return hostPlatform()
  const { os, arch: architecture, 'arch-variant': variant } = target
  return normalisePlatform({ os, architecture, ...(variant ? { variant } : {}) })
}

const openSource = async (
  plan: ExtendPlan,
  analyzed: Analyzed,
  stores: Stores,
): Promise<{ location: ImageLocation; source: SourceImage }> => {
  const named = parseImageReference(referenceOf(analyzed, plan.kind))
  const { imageLayout: directory } = plan
  const location: ImageLocation = directory === undefined ? named : { ...named, store: { kind: 'layout', directory } }
  const source = await readSourceImage(stores.open(location.store), location.digest, wantedPlatform(plan, analyzed))
  if (plan.platform !== undefined && !samePlatform(source.platform, plan.platform)) {
    const [found, wanted] = [source.platform, plan.platform].map(formatPlatform)
    // The plan is nothing that the lifecycle knows, so it has no code for it.
    throw new Failure(
      'verification',
      `${source.store.location}@${location.digest} is for ${found}: leg ${plan.name} is for ${wanted}`,
      { exitCode: 7 },
    )
  }
  return { location, source }
}

const describeEngine = (results: readonly EngineResult[]) => {
  const memory = results.flatMap(({ run: { peakMemory } }) => peakMemory ?? [])
  return {
    'engine-version': results.at(-1)?.version ?? '',
    'engine-seconds': Number(results.reduce((total, { run: { seconds } }) => total + seconds, 0).toFixed(3)),
    'peak-memory': memory.length === 0 ? null : Math.max(...memory),
  }
}

const describeImage = ({ digest, mediaType, size }: Descriptor, platform: Platform) => ({
  digest,
  'media-type': mediaType,
  size,
  platform: formatPlatform(platform),
})

const extend = async (plan: ExtendPlan, inputs: Inputs, host: Host): Promise<Outputs> => {
  const { kind, engine, output, paths } = plan
  const { text, analyzed, extensions } = await readLifecycleFiles(plan, host)
  return await whileDoing(`failed to extend ${kind} image`, async () => {
    if (output.kind === 'extended') await checkOutputDirectory(output.directory)
    await using stores = await openStores(inputs, host)
    const { location, source } = await whileDoing(`getting ${kind} image to extend`, () =>
      openSource(plan, analyzed, stores),
    )
    // Only this step writes it: the lifecycle leaves the key out.
    if (output.kind === 'image' && kind === 'run' && analyzed['run-image']?.extend === false) {
      host.log.info(`nothing to extend: ${paths.analyzed} says extend = false`)
      const image = {
        ...describeImage(source.descriptor, source.platform),
        layout: '',
        reference: referenceOf(analyzed, kind),
      }
      return { ...image, ...describeEngine([]), engine, kind, extensions: [] }
    }
    const dockerfiles = await whileDoing(`getting ${kind}.Dockerfiles`, () =>
      readGenerated({ api: plan.api, kind, generated: paths.generated, app: paths.app }, extensions),
    )
    const applied = dockerfiles.map(({ extension }) => extension)
    host.log.info(
      `extending ${kind} image ${source.store.location}@${source.descriptor.digest}: ${applied.join(', ') || 'no extension has a Dockerfile for it'}`,
    )
    const planned = planMounts(paths)
    const mounts = await findMounts(planned, engine === 'kaniko' && (await isKanikoImage()))
    await using workspace = await openEngineWorkspace(inputs, mounts, host)
    await using work = await openWorkDirectory(workspace.host.directory, 'extend')
    await mkdir(join(work.path, 'layers'))
    const { image, results } = await whileDoing(`extending ${kind} image`, () =>
      applyDockerfiles(
        source,
        dockerfiles,
        { plan, inputs: workspace.inputs, mounts, hidden: planned.map(({ path }) => path), work: work.path },
        workspace.host,
        stores,
      ),
    )
    const written = writeImage(image)
    if (output.kind === 'extended')
      for (const warning of describeDuplicates(source.manifest.layers)) host.log.warning(warning)
    const base = { store: location.store, layers: source.manifest.layers.length }
    const delivered = await whileDoing('failed to copy extended image to output directory', () =>
      deliverImage(output, written, base, host, stores),
    )
    if (output.kind === 'image' && kind === 'run')
      await replaceText(paths.analyzed, replaceImage(text, kind, delivered.reference, paths.analyzed))
    host.log.info(`extended ${kind} image: ${delivered.reference || delivered.layout}`)
    return {
      ...describeImage(written.manifest.descriptor, written.platform),
      ...delivered,
      ...describeEngine(results),
      engine,
      kind,
      extensions: applied,
    }
  })
}

/** The inputs with the lifecycle's logins, where there are no others. */
const addLifecycleLogins = (inputs: Inputs, host: Host): Inputs => {
  if (inputs['registry-auth'].length > 0) return inputs
  const { registryAuth, unusable } = readLifecycleLogins(host.env['CNB_REGISTRY_AUTH'])
  for (const registry of unusable)
    host.log.warning(`CNB_REGISTRY_AUTH: the login of ${registry} is not Basic: it is not used`)
  return registryAuth === undefined ? inputs : { ...inputs, 'registry-auth': [registryAuth] }
}

/** Extends what the inputs ask for; nothing is where the exporter or a later job looks unless it is whole. */
export const run = async (inputs: Inputs, host: Host): Promise<Outputs> => {
  const plan = planExtension(inputs, await readLeg(inputs, host), host)
  const log = limitLog(host.log, plan.logLevel)
  for (const warning of plan.warnings) log.warning(warning)
  for (const notice of plan.notices) log.info(notice)
  return await extend(plan, addLifecycleLogins(inputs, host), { ...host, log })
}
