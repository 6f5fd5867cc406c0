// Pushes the image of a layout by digest into its repositories, and writes down where it is.
import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { type DigestRecord, handoffName, readPlan, writeDocument } from '@polyarch/documents'
import { openLayout } from '@polyarch/layout'
import {
  type CopyResult,
  copyManifest,
  type Descriptor,
  type OnBytes,
  parseStoreLocation,
  type Store,
  type StoreReader,
  verificationFailure,
} from '@polyarch/oci'
import { openStores } from '@polyarch/stores'
import prettyBytes from 'pretty-bytes'
import type { Inputs } from './inputs.ts'
import { type LayoutImage, readLayoutImage } from './layout-image.ts'
import type { Outputs } from './outputs.ts'
import { anchorOf, describePush, mountSources, type PushPlan, planPush } from './plan.ts'

/** Bytes between two lines of progress: few for a small image, ten for a large one. */
const progressStep = (total: number): number => Math.max(32_000_000, total / 10)

const followBytes = (host: Host, total: number): OnBytes => {
  let sent = 0
  let shown = 0
  return (_digest, bytes) => {
    sent += bytes
    if (sent - shown < progressStep(total)) return
    shown = sent
    host.log.info(`uploaded ${prettyBytes(sent)} of ${prettyBytes(total)}`)
  }
}

const readBack = async (store: Store, manifest: Descriptor): Promise<void> => {
  const found = await store.resolveManifest(manifest.digest)
  if (found.digest !== manifest.digest || found.size !== manifest.size)
    throw verificationFailure(
      `${store.location}@${manifest.digest} reads back as ${found.digest} with ${found.size} bytes, not ${manifest.size}`,
    )
}

const describeCopy = (location: string, copies: readonly CopyResult[]): string => {
  if (copies.every((copy) => copy.unchanged)) return `${location} has it already`
  const total = (count: (copy: CopyResult) => number) => copies.reduce((sum, copy) => sum + count(copy), 0)
  const bytes = prettyBytes(total((copy) => copy.uploadedBytes))
  return `${location}: ${total((copy) => copy.uploaded)} blobs uploaded (${bytes}), ${total((copy) => copy.mounted)} mounted`
}

const pushImage = async (
  layout: StoreReader,
  store: Store,
  image: LayoutImage,
  plan: PushPlan,
  options: Parameters<typeof copyManifest>[3],
): Promise<CopyResult[]> => {
  const copies: CopyResult[] = []
  // One after the other: attestations are small and name nothing that is not there already.
  for (const manifest of image.manifests) {
    const copy = await copyManifest(layout, store, manifest, options)
    const anchor = anchorOf(plan, manifest)
    if (anchor !== undefined) await store.pushManifest(await layout.getManifest(manifest.digest), anchor)
    // Where it was there already, finding it was reading it back.
    if (!copy.unchanged) await readBack(store, manifest)
    copies.push(copy)
  }
  return copies
}

const handOn = async (host: Host, plan: PushPlan, file: string): Promise<void> => {
  const name = handoffName(plan.plan, plan.repositories[0], plan.name)
  try {
    await host.sendFiles(name, [file])
  } catch (error) {
    await rm(file, { force: true })
    throw error
  }
  host.log.info(`record handed on as artifact ${name}`)
}

/** Pushes what the inputs ask for; the record is written last, and only when everything is where it says. */
export const run = async (inputs: Inputs, host: Host): Promise<Outputs> => {
  const document = inputs.plan === undefined ? undefined : await readPlan(inputs.plan, host)
  const plan = planPush(document, inputs)
  const file = resolve(host.directory, inputs.record ?? `.polyarch/records/${plan.name}.json`)
  // A record of an earlier push must not pass for this one's where this one fails.
  await rm(file, { force: true })
  const directory = resolve(host.directory, inputs.layout)
  const layout = openLayout(directory, { location: `oci:${inputs.layout}` })
  const image = await readLayoutImage(layout, directory, plan.platform)
  // A template that gives no tag is refused before anything is pushed.
  for (const manifest of image.manifests) anchorOf(plan, manifest)
  await using stores = await openStores(inputs, host)
  const { concurrency } = inputs
  const pushTo = async (repository: string, onBytes?: OnBytes): Promise<void> => {
    const store = stores.open(parseStoreLocation(repository), 'write')
    const mountFrom = mountSources(plan, repository)
    const options = {
      mountFrom,
      ...(concurrency === undefined ? {} : { concurrency }),
      ...(onBytes === undefined ? {} : { onBytes }),
    }
    host.log.info(describeCopy(repository, await pushImage(layout, store, image, plan, options)))
  }
  const [first, ...others] = plan.repositories
  await pushTo(first, followBytes(host, image.size))
  await Promise.all(others.map((repository) => pushTo(repository)))
  const record: DigestRecord = describePush(plan, image, host.run)
  await writeDocument(file, record)
  if (inputs.handoff === 'artifact') await handOn(host, plan, file)
  host.log.info(`pushed ${record.platform}: ${first}@${record.digest}`)
  return { digest: record.digest, record }
}
