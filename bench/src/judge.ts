// Reads back with skopeo, crane and regctl what a tool has written: a row counts only where it is right.
import { execFile } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { digestOf, parseIndex } from '@polyarch/oci'
import { partPath } from '@polyarch/parts'
import type { MergeJob, PushJob } from './contender.ts'

/** What a tool left in the registry is not what it was asked for. */
export class WrongResult extends Error {
  override readonly name = 'WrongResult'
}

type Reader = 'skopeo' | 'crane' | 'regctl'

const read = async (reader: Reader, ...args: string[]): Promise<Buffer> => {
  const options = { encoding: 'buffer', maxBuffer: 8 * 1024 * 1024 } as const
  try {
    return (await promisify(execFile)(partPath(reader), args, options)).stdout
  } catch (cause) {
    const said = String((cause as { stderr?: Buffer }).stderr ?? cause).trim()
    throw new WrongResult(`${reader} cannot read it back: ${said.split('\n').at(-1)}`, { cause })
  }
}

/** The manifest, the same bytes for each of the three. */
const readManifest = async (reference: string): Promise<Buffer> => {
  const plain = ['--host', `reg=${reference.split('/')[0]},tls=disabled`]
  const [bytes, ...others] = await Promise.all([
    read('skopeo', 'inspect', '--raw', '--tls-verify=false', `docker://${reference}`),
    read('crane', 'manifest', reference),
    read('regctl', ...plain, 'manifest', 'get', '--format', 'raw-body', reference),
  ])
  for (const other of others)
    if (digestOf(other) !== digestOf(bytes))
      throw new WrongResult(`${reference} is ${digestOf(bytes)} for skopeo, for another reader ${digestOf(other)}`)
  return bytes
}

/** Copies an image out of the registry: skopeo checks every blob on the way. */
const readWhole = async (reference: string): Promise<void> => {
  const target = join(tmpdir(), 'read-back')
  try {
    await read('skopeo', 'copy', '--all', '--quiet', '--src-tls-verify=false', `docker://${reference}`, `dir:${target}`)
  } finally {
    await rm(target, { recursive: true, force: true })
  }
}

/** Where the repository is when the judge asks the registry itself instead of a proxy before it. */
const direct = (repository: string, registry: string): string => repository.replace(/^[^/]+/, registry)

/** @throws {WrongResult} unless the repository has the image; every byte of it where `whole` says so. */
export const judgePush = async ({ repository, image }: PushJob, registry: string, whole: boolean): Promise<void> => {
  const reference = `${direct(repository, registry)}@${image.manifest.digest}`
  const digest = digestOf(await readManifest(reference))
  if (digest !== image.manifest.digest) throw new WrongResult(`${reference} reads as ${digest}`)
  if (whole) await readWhole(reference)
}

/** @throws {WrongResult} unless every tag in every repository is one index of exactly the legs. */
export const judgeMerge = async (job: MergeJob, registry: string, whole: boolean): Promise<void> => {
  const expected = job.legs.flatMap(({ manifest, attestation }) => [manifest, ...(attestation ? [attestation] : [])])
  const wanted = expected.map(({ digest }) => digest).toSorted()
  const seen = new Set<string>()
  for (const repository of job.repositories) {
    for (const tag of job.tags) {
      const reference = `${direct(repository, registry)}:${tag}`
      const bytes = await readManifest(reference)
      seen.add(digestOf(bytes))
      const found = parseIndex(bytes).manifests.map(({ digest }) => digest)
      if (found.toSorted().join() !== wanted.join())
        throw new WrongResult(`${reference} has ${found.length} children, not exactly the ${wanted.length} legs`)
    }
    if (whole) await readWhole(`${direct(repository, registry)}:${job.tags[0]}`)
  }
  if (seen.size !== 1) throw new WrongResult(`the tags name ${seen.size} different indexes`)
}
