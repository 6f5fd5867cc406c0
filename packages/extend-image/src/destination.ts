// Where the extended image goes: a sparse layout for the exporter, a repository, or a layout of the whole image.
import { resolve } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { openPartialLayout } from '@polyarch/engine'
import { openLayout } from '@polyarch/layout'
import { copyManifest, formatStoreLocation, mountable, type StoreLocation, verificationFailure } from '@polyarch/oci'
import type { Stores } from '@polyarch/stores'
import type { WrittenImage } from './layered-image.ts'
import type { ExtendOutput } from './plan.ts'
import { writeSparseLayout } from './sparse-layout.ts'

/** Where the image is afterwards: at least one of both. */
export interface Delivered {
  readonly layout: string
  readonly reference: string
}

const deliverLayout = async (directory: string, image: WrittenImage): Promise<void> => {
  await using partial = await openPartialLayout(directory)
  await copyManifest(image.store, openLayout(partial.path), image.manifest.descriptor, { absent: true })
  await partial.publish()
}

/** A reference as analyzed.toml has it: an image layout is its absolute path, as a lifecycle with `-layout` writes it. */
const referenceIn = (repository: StoreLocation, digest: string, host: Host): string =>
  repository.kind === 'layout'
    ? `${resolve(host.directory, repository.directory)}@${digest}`
    : `${formatStoreLocation(repository)}@${digest}`

const pushImage = async (
  repository: StoreLocation,
  image: WrittenImage,
  base: StoreLocation,
  stores: Stores,
): Promise<void> => {
  const store = stores.open(repository, 'write')
  const { descriptor } = image.manifest
  await copyManifest(image.store, store, descriptor, { mountFrom: mountable(base, repository) })
  const found = await store.resolveManifest(descriptor.digest)
  if (found.digest !== descriptor.digest || found.size !== descriptor.size)
    throw verificationFailure(`${store.location}@${descriptor.digest} reads back as ${found.digest}`)
}

/**
 * Brings the image to where the plan wants it; `base` is where the image that was extended is.
 * @throws {StoreError} what a registry refuses; {Failure} verification, where what arrived is something else.
 */
export const deliverImage = async (
  output: ExtendOutput,
  image: WrittenImage,
  base: { readonly store: StoreLocation; readonly layers: number },
  host: Host,
  stores: Stores,
): Promise<Delivered> => {
  const { digest } = image.manifest.descriptor
  switch (output.kind) {
    case 'extended':
      return { layout: await writeSparseLayout(output.directory, image, base.layers), reference: '' }
    case 'layout':
      await deliverLayout(output.directory, image)
      return { layout: output.directory, reference: `oci:${output.directory}@${digest}` }
    case 'image':
      await pushImage(output.repository, image, base.store, stores)
      return { layout: '', reference: referenceIn(output.repository, digest, host) }
  }
}
