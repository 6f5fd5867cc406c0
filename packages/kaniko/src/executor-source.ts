// Where the jail's executor comes from: a file of this machine, or the kaniko image, whose one file is kept.
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { access, chmod, mkdir, open, realpath, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Host } from '@polyarch/ci-host'
import { elfHeaderBytes, hostPlatform, readElfHeader, readLayer } from '@polyarch/engine'
import {
  type Digest,
  formatPlatform,
  hexOf,
  inputFailure,
  isIndexType,
  parseIndex,
  parseManifest,
  type Reference,
  type StoreReader,
  samePlatform,
} from '@polyarch/oci'
import type { Stores } from '@polyarch/stores'
import { parseKanikoImage } from './kaniko-image.ts'

export interface Executor {
  /** Absolute, a file that everyone may run. */
  readonly file: string
  /** The sha256 of its bytes. */
  readonly digest: Digest
  /** A directory of certificate authorities that came with it. */
  readonly certificates?: string
  /** How messages name it. */
  readonly origin: string
}

/** In the layers of a kaniko image: the paths that are taken out of it, and nothing else is. */
const executorEntry = 'kaniko/executor'
const certificateEntry = /^kaniko\/ssl\/certs\/([\w.-]+)$/

const digestFile = async (file: string): Promise<Digest> => {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return `sha256:${hash.digest('hex')}`
}

/**
 * The executor that the input `executor` names.
 * @throws {Failure} input, when it is not a program.
 */
export const openExecutorFile = async (host: Host, input: string): Promise<Executor> => {
  const named = resolve(host.directory, input)
  let file: string
  try {
    file = await realpath(named)
    await access(file)
  } catch (cause) {
    throw inputFailure(`input executor: ${named} cannot be read (${(cause as NodeJS.ErrnoException).code})`, { cause })
  }
  if (!(await stat(file)).isFile()) throw inputFailure(`input executor: ${named} is not a file`)
  await using handle = await open(file)
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(elfHeaderBytes), 0, elfHeaderBytes, 0)
  if (!readElfHeader(buffer.subarray(0, bytesRead))?.loadable)
    throw inputFailure(`input executor: ${named} is not a Linux program`)
  return { file, digest: await digestFile(file), origin: named }
}

/** This machine's manifest of the image. */
const findManifest = async (store: StoreReader, reference: string, image: string): Promise<Digest> => {
  const root = await store.getManifest(reference)
  if (!isIndexType(root.descriptor.mediaType)) return root.descriptor.digest
  const platform = hostPlatform()
  const child = parseIndex(root.bytes).manifests.find(
    (entry) => entry.platform && samePlatform(entry.platform, platform),
  )
  if (child) return child.digest
  throw inputFailure(`input kaniko-image: ${image} has no ${formatPlatform(platform)}`)
}

/** Writes the executor and its certificates out of the image's layers into the directory. */
const unpackExecutor = async (store: StoreReader, manifest: Digest, directory: string): Promise<boolean> => {
  const certificates = join(directory, 'certificates')
  await mkdir(certificates, { recursive: true })
  let found = false
  for (const layer of parseManifest((await store.getManifest(manifest)).bytes).layers) {
    await readLayer(`${store.location}@${layer.digest}`, store.getBlob(layer), async ({ path, type, content }) => {
      const certificate = certificateEntry.exec(path)?.[1]
      const target =
        path === executorEntry ? join(directory, 'executor') : certificate && join(certificates, certificate)
      if (type !== 'file' || !target) return
      await pipeline(content, createWriteStream(target, { flags: 'w', mode: 0o644 }))
      found ||= path === executorEntry
    })
  }
  if (found) await chmod(join(directory, 'executor'), 0o755)
  return found
}

const exists = async (path: string): Promise<boolean> => {
  try {
    await access(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

/** What names content in a store: the digest where there is one. */
const wantedOf = ({ digest, tag }: Reference): string => digest ?? tag ?? 'latest'

/**
 * The executor of a kaniko image, fetched once per image and kept in the cache directory.
 * @throws {Failure} input, when the image holds none for this machine; {StoreError} what its registry refuses.
 */
export const openExecutorImage = async (
  host: Host,
  stores: Stores,
  image: string,
  cache: string,
): Promise<Executor> => {
  const reference = parseKanikoImage(image)
  const { host: registry, name } = reference
  const store = stores.open({ kind: 'registry', repository: { host: registry, name } })
  if (reference.digest === undefined)
    host.log.info(
      `${image} is named by a tag, which can change: name it by its digest (…@sha256:…) to build with the same executor always`,
    )
  const manifest = await findManifest(store, wantedOf(reference), image)
  const directory = join(cache, 'executors', hexOf(manifest))
  const file = join(directory, 'executor')
  if (!(await exists(file))) {
    await mkdir(dirname(directory), { recursive: true })
    const partial = join(dirname(directory), `.${basename(directory)}.${randomUUID()}`)
    try {
      host.log.info(`fetching the executor out of ${image}`)
      if (!(await unpackExecutor(store, manifest, partial)))
        throw inputFailure(`input kaniko-image: ${image} has no /${executorEntry}`)
      // Another run may have been faster: then its directory is as good.
      if (!(await exists(file))) await rename(partial, directory)
    } finally {
      await rm(partial, { recursive: true, force: true })
    }
  }
  return { file, digest: await digestFile(file), certificates: join(directory, 'certificates'), origin: image }
}
