// Which real parts this machine has, where they are, and why one is missing.
import { appendFileSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { cachePath } from './cache.ts'
import { peerNames } from './peers.ts'

/** Every real part that tests may need; each is installed by prepare.ts where it can be. */
export const parts = [
  'root',
  'go',
  'docker-registry',
  'skopeo',
  'busybox-amd64',
  'busybox-arm64',
  'kaniko-1.25.15',
  'kaniko-1.24.0',
  'kaniko-fork',
  'buildah',
  'buildkit',
  'docker',
  'podman',
  'lifecycle',
  'binfmt-arm64',
  'user-namespaces',
  'act',
  'gitlab-ci-local',
  'time',
  ...peerNames,
] as const

export type Part = (typeof parts)[number]

/** What preparation found out about a part: where it is (programs only), or why it is missing. */
export type PartStatus = { readonly path?: string } | { readonly missing: string }

/** The file in which preparation leaves the status of each part. */
export const statusPath = (): string => cachePath('parts.json')

/** The status of every part prepared so far. */
export const readStatus = (): Partial<Record<Part, PartStatus>> => {
  try {
    return JSON.parse(readFileSync(statusPath(), 'utf8')) as Partial<Record<Part, PartStatus>>
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw error
  }
}

const statusOf = (part: Part): PartStatus => readStatus()[part] ?? { missing: 'it was not prepared: use npm test' }

/** Why the part cannot be used here, or undefined when it can. */
export const reasonMissing = (part: Part): string | undefined => {
  const status = statusOf(part)
  return 'missing' in status ? status.missing : undefined
}

/** The environment variable that names the file where workers note what they lack and where. */
export const lackLogVariable = 'POLYARCH_LACK_LOG'

/** A call of lacks() that found parts missing. */
export interface Lack {
  readonly file: string
  readonly line: number
  readonly parts: readonly Part[]
}

/** The place in a test file from which lacks() was called. */
const callSite = (): Pick<Lack, 'file' | 'line'> => {
  const frames = (new Error('where').stack ?? '').split('\n').slice(1)
  for (const frame of frames) {
    const found = /\(?((?:file:\/\/)?\/[^()]*?):(\d+):\d+\)?$/.exec(frame)
    const [, place = '', line = ''] = found ?? []
    const file = place.startsWith('file://') ? fileURLToPath(place) : place
    if (file !== '' && file !== import.meta.filename) return { file, line: Number(line) }
  }
  return { file: '', line: 0 }
}

/** For describe.skipIf(): whether any of the parts is missing; the reasons stand at the end of the test run. */
export const lacks = (...wanted: Part[]): boolean => {
  const missing = wanted.filter((part) => reasonMissing(part) !== undefined)
  if (missing.length === 0) return false
  const log = process.env[lackLogVariable]
  if (log) appendFileSync(log, `${JSON.stringify({ ...callSite(), parts: missing } satisfies Lack)}\n`)
  return true
}

/** The path of a part that is a program. @throws when it is missing. */
export const partPath = (part: Part): string => {
  const status = statusOf(part)
  if ('missing' in status) throw new Error(`${part} is missing: ${status.missing}`)
  if (status.path === undefined) throw new Error(`${part} is not a program`)
  return status.path
}
