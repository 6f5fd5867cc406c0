// Who is measured: each tool with the commands that push a layout or merge platforms, as users run it and tuned by hand.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Part, type PeerName, partPath, reasonMissing, repositoryRoot } from '@polyarch/parts'
import { atOnce, command, inTurn } from './shell-script.ts'
import { type Leg, layoutTag, type WrittenImage } from './workload.ts'

/** A layout that is to be in a repository afterwards. */
export interface PushJob {
  /** HOST:PORT of the registry. */
  readonly host: string
  readonly repository: string
  readonly tag: string
  readonly image: WrittenImage
}

/** Legs of the first repository that are to be one index under all tags in each of the repositories afterwards. */
export interface MergeJob {
  readonly host: string
  readonly repositories: readonly [string, ...string[]]
  readonly tags: readonly [string, ...string[]]
  readonly legs: readonly Leg[]
  /** A directory with a digest record for each leg. */
  readonly records: string
}

export interface Contender {
  /** The tool, and how it was tuned. */
  readonly name: string
  /** Its program; `polyarch` for Polyarch's own bundle, `floor` for what any tool in JavaScript could reach at best. */
  readonly tool: string
  /** Whether it runs with other than its defaults. */
  readonly tuned: boolean
  /** Why it cannot be measured here, or undefined. */
  readonly missing: string | undefined
  /** Files that it wants in its home directory, by their path there. */
  readonly files?: (host: string) => Readonly<Record<string, string>>
  readonly push?: (job: PushJob) => string
  readonly merge?: (job: MergeJob) => string
}

/** What has to be installed for all of them. */
export const contenderParts: readonly Part[] = ['skopeo', 'crane', 'regctl', 'oras', 'buildx', 'manifest-tool']

/** The children as peers are given them: each manifest by its digest, attestations too. */
const childDigests = ({ legs }: MergeJob): string[] =>
  legs.flatMap(({ manifest, attestation }) => [manifest.digest, ...(attestation ? [attestation.digest] : [])])

const peer = (tool: PeerName | 'skopeo', tuning?: string) => ({
  name: tuning === undefined ? tool : `${tool}, ${tuning}`,
  tool,
  tuned: tuning !== undefined,
  missing: reasonMissing(tool),
})

const program = (tool: PeerName | 'skopeo', ...args: readonly string[]): string => command(partPath(tool), ...args)

const pushWithOras = ({ repository, tag, image }: PushJob, tuning: readonly string[]): string =>
  program(
    'oras',
    'cp',
    ...tuning,
    '--from-oci-layout',
    `${image.layout}:${layoutTag}`,
    '--to-plain-http',
    `${repository}:${tag}`,
  )

const mergeWithOras = (job: MergeJob, tuning: readonly string[]): string => {
  const [first, ...others] = job.repositories
  const tags = job.tags.join(',')
  const plain = ['--from-plain-http', '--to-plain-http']
  return inTurn(
    program('oras', 'manifest', 'index', 'create', '--plain-http', `${first}:${tags}`, ...childDigests(job)),
    ...others.map((other) => program('oras', 'cp', ...tuning, ...plain, `${first}:${job.tags[0]}`, `${other}:${tags}`)),
  )
}

const pushWithRegctl = ({ repository, tag, image }: PushJob): string =>
  program('regctl', 'image', 'copy', `ocidir://${image.layout}:${layoutTag}`, `${repository}:${tag}`)

/** First the index, then its copies: where `together` says so at once, as far as one does not need the other. */
const mergeWithRegctl = (job: MergeJob, together: (...commands: readonly string[]) => string): string => {
  const [first, ...others] = job.repositories
  const [tag, ...otherTags] = job.tags
  const created = `${first}:${tag}`
  const sources = childDigests(job).flatMap((digest) => ['--ref', `${first}@${digest}`])
  const copy = (target: string): string => program('regctl', 'image', 'copy', created, target)
  return inTurn(
    program('regctl', 'index', 'create', created, ...sources),
    together(...others.map((other) => copy(`${other}:${tag}`)), ...otherTags.map((next) => copy(`${first}:${next}`))),
    together(...others.flatMap((other) => otherTags.map((next) => copy(`${other}:${next}`)))),
  )
}

const mergeWithCrane = (job: MergeJob, together: (...commands: readonly string[]) => string): string => {
  const [first, ...others] = job.repositories
  const [tag, ...otherTags] = job.tags
  const sources = childDigests(job).flatMap((digest) => ['-m', `${first}@${digest}`])
  const retag = (repository: string, next: string): string => program('crane', 'tag', `${repository}:${tag}`, next)
  return inTurn(
    program('crane', 'index', 'append', ...sources, '-t', `${first}:${tag}`),
    together(
      ...others.map((other) => program('crane', 'copy', `${first}:${tag}`, `${other}:${tag}`)),
      ...otherTags.map((next) => retag(first, next)),
    ),
    together(...others.flatMap((other) => otherTags.map((next) => retag(other, next)))),
  )
}

const mergeWithBuildx = (job: MergeJob): string => {
  const targets = job.repositories.flatMap((repository) => job.tags.map((tag) => `${repository}:${tag}`))
  const sources = childDigests(job).map((digest) => `${job.repositories[0]}@${digest}`)
  return program('buildx', 'imagetools', 'create', ...targets.flatMap((target) => ['-t', target]), ...sources)
}

/** manifest-tool reads a spec in YAML, of which JSON is a part. */
const mergeWithManifestTool = (job: MergeJob): string => {
  const manifests = childDigests(job).map((digest) => ({ image: `${job.repositories[0]}@${digest}` }))
  const [tag, ...tags] = job.tags
  return inTurn(
    ...job.repositories.flatMap((repository, index) => {
      const spec = `"$HOME/spec-${index}.yaml"`
      const content = JSON.stringify({ image: `${repository}:${tag}`, tags, manifests })
      return [
        `${command('printf', '%s', content)} > ${spec}`,
        `${program('manifest-tool', '--plain-http', 'push', '--type', 'oci', 'from-spec')} ${spec}`,
      ]
    }),
  )
}

const regctlSettings = (settings: object) => (host: string) => ({
  '.regctl/config.json': JSON.stringify({ hosts: { [host]: { hostname: host, tls: 'disabled', ...settings } } }),
})

/** The command line's bundle, as `npm run build` makes it. */
export const polyarchBundle = join(repositoryRoot, 'packages', 'cli', 'dist', 'polyarch.js')

/** One of Polyarch's steps; an input with several values is repeated. */
const step = (bundle: string, name: string, inputs: Readonly<Record<string, string | readonly string[]>>): string => {
  const flags = Object.entries(inputs).flatMap(([input, value]) =>
    [value].flat().flatMap((each) => [`--${input}`, each]),
  )
  return command(process.execPath, bundle, name, ...flags)
}

/** What is left of a push without checks, retries and a command line: what the library costs, and what Node costs. */
const floor = (client: 'undici' | 'sockets'): Contender => ({
  name: `a bare loop over ${client}`,
  tool: 'floor',
  tuned: true,
  missing: undefined,
  push: ({ host, repository, tag, image }) =>
    command(
      process.execPath,
      join(import.meta.dirname, 'bare-loop.mjs'),
      client,
      image.layout,
      host,
      repository.slice(host.length + 1),
      tag,
    ),
})

/** All contenders, Polyarch's bundle first. */
export const listContenders = (bundle: string): readonly Contender[] => [
  {
    name: 'Polyarch',
    tool: 'polyarch',
    tuned: false,
    missing: existsSync(bundle) ? undefined : `there is no ${bundle}: npm run build`,
    push: ({ repository, image: { layout, platform } }) =>
      step(bundle, 'push-digest', { layout, repository, platform }),
    merge: ({ records, repositories, tags, legs }) =>
      step(bundle, 'merge-manifest', {
        records,
        repository: repositories,
        platforms: legs.map(({ platform }) => platform),
        tags,
      }),
  },
  {
    ...peer('skopeo'),
    push: ({ repository, tag, image }) =>
      program(
        'skopeo',
        'copy',
        '--quiet',
        '--dest-tls-verify=false',
        `oci:${image.layout}:${layoutTag}`,
        `docker://${repository}:${tag}`,
      ),
  },
  {
    ...peer('crane'),
    push: ({ repository, tag, image }) => program('crane', 'push', image.layout, `${repository}:${tag}`),
    merge: (job) => mergeWithCrane(job, inTurn),
  },
  { ...peer('crane', 'by hand in parallel'), merge: (job) => mergeWithCrane(job, atOnce) },
  {
    ...peer('regctl'),
    files: regctlSettings({}),
    push: pushWithRegctl,
    merge: (job) => mergeWithRegctl(job, inTurn),
  },
  {
    ...peer('regctl', 'reqConcurrent 50'),
    files: regctlSettings({ reqConcurrent: 50 }),
    push: pushWithRegctl,
  },
  {
    ...peer('regctl', 'reqConcurrent 50, by hand in parallel'),
    files: regctlSettings({ reqConcurrent: 50 }),
    merge: (job) => mergeWithRegctl(job, atOnce),
  },
  { ...peer('oras'), push: (job) => pushWithOras(job, []), merge: (job) => mergeWithOras(job, []) },
  {
    ...peer('oras', '--concurrency 50'),
    push: (job) => pushWithOras(job, ['--concurrency', '50']),
    merge: (job) => mergeWithOras(job, ['--concurrency', '50']),
  },
  { ...peer('buildx'), merge: mergeWithBuildx },
  { ...peer('manifest-tool'), merge: mergeWithManifestTool },
  floor('undici'),
  floor('sockets'),
]
