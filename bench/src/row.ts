// The rows of the benchmark: what is pushed or merged, how far away, and what Polyarch has to reach.
import { type ImageShape, megabyte } from './workload.ts'

/** What is in the repository before a tool is started. */
export type Before = 'nothing' | 'the same image' | 'the image with another config'

export type Work =
  | { readonly kind: 'push'; readonly shape: ImageShape; readonly before: Before }
  | {
      readonly kind: 'merge'
      readonly platforms: readonly string[]
      readonly attested: boolean
      readonly repositories: number
      readonly tags: number
    }

/** A condition on what was measured; times are medians, and Polyarch's without Node's own start. */
export type Goal =
  | { readonly atMostTimes: number; readonly of: 'the best peer' | 'the best peer with its defaults' }
  | { readonly atMost: number; readonly what: 'requests' | 'serial requests' | 'megabytes' }

export interface Row {
  readonly id: string
  readonly title: string
  readonly roundTripMs: number
  readonly work: Work
  readonly goals: readonly Goal[]
  /** At most so many runs of each tool: the work is long, or only its memory counts. */
  readonly mostRuns?: number
}

const memory = { atMost: 130, what: 'megabytes' } as const

const many = { layers: 200, layerBytes: 0.05 * megabyte }

const pairs = (os: string, architectures: readonly string[], variants: readonly string[] = ['']): string[] =>
  architectures.flatMap((architecture) => variants.map((variant) => `${os}/${architecture}${variant}`))

const eightPlatforms = [
  ...pairs('linux', ['amd64', 'arm64', '386', 'ppc64le', 'riscv64', 's390x']),
  ...pairs('linux', ['arm'], ['/v6', '/v7']),
]

const armVariants = ['', '/v8.1', '/v8.2', '/v8.3', '/v8.4', '/v8.5', '/v8.6', '/v8.7', '/v8.8', '/v8.9', '/v9']

/** A hundred platforms that Polyarch takes for possible; with their attestations two hundred children. */
const hundredPlatforms = ['linux', 'windows', 'darwin', 'freebsd', 'netbsd', 'openbsd']
  .flatMap((os) => [
    ...pairs(os, ['arm64'], armVariants),
    ...pairs(os, ['amd64'], ['', '/v2', '/v3', '/v4']),
    ...(os === 'darwin' ? [] : pairs(os, ['386'])),
  ])
  .concat(pairs('linux', ['ppc64le', 'riscv64', 's390x', 'loong64', 'mips64le']))
  .slice(0, 100)

/** Every row, in the order of the report. */
export const rows: readonly Row[] = [
  {
    id: 'many-far',
    title: 'push 200 layers of 0.05 MB, RTT 20 ms',
    roundTripMs: 20,
    work: { kind: 'push', shape: many, before: 'nothing' },
    goals: [
      { atMostTimes: 1.3, of: 'the best peer' },
      { atMostTimes: 1 / 7, of: 'the best peer with its defaults' },
      memory,
    ],
  },
  {
    id: 'ten-large',
    title: 'push 10 layers of 100 MB, loopback',
    roundTripMs: 0,
    work: { kind: 'push', shape: { layers: 10, layerBytes: 100 * megabyte }, before: 'nothing' },
    goals: [{ atMostTimes: 1.15, of: 'the best peer' }, memory],
  },
  {
    id: 'one-large',
    title: 'push 1 layer of 1 GB, loopback',
    roundTripMs: 0,
    work: { kind: 'push', shape: { layers: 1, layerBytes: 1000 * megabyte }, before: 'nothing' },
    goals: [{ atMostTimes: 1.15, of: 'the best peer' }, memory],
  },
  {
    id: 'many-near',
    title: 'push 200 layers of 0.25 MB, loopback',
    roundTripMs: 0,
    work: { kind: 'push', shape: { layers: 200, layerBytes: 0.25 * megabyte }, before: 'nothing' },
    goals: [{ atMostTimes: 1, of: 'the best peer' }, memory],
  },
  {
    id: 'unchanged',
    title: 'push 200 layers again, nothing changed, RTT 20 ms',
    roundTripMs: 20,
    work: { kind: 'push', shape: many, before: 'the same image' },
    goals: [{ atMost: 1, what: 'requests' }, memory],
  },
  {
    id: 'config-changed',
    title: 'push 200 layers again, only the config changed, RTT 20 ms',
    roundTripMs: 20,
    work: { kind: 'push', shape: many, before: 'the image with another config' },
    goals: [{ atMost: 6, what: 'requests' }, memory],
  },
  {
    id: 'merge',
    title: 'merge 8 platforms, 5 tags in each of 2 repositories, RTT 50 ms',
    roundTripMs: 50,
    work: { kind: 'merge', platforms: eightPlatforms, attested: false, repositories: 2, tags: 5 },
    goals: [{ atMostTimes: 1 / 3.5, of: 'the best peer' }, { atMost: 5, what: 'serial requests' }, memory],
  },
  {
    id: 'merge-many',
    title: 'merge 200 children (100 platforms, each attested) into 20 tags, RTT 50 ms',
    roundTripMs: 50,
    work: { kind: 'merge', platforms: hundredPlatforms, attested: true, repositories: 1, tags: 20 },
    goals: [{ atMostTimes: 1, of: 'the best peer' }, memory],
    mostRuns: 3,
  },
  {
    id: 'memory-small',
    title: 'memory: push 1 layer of 0.1 GB, loopback',
    roundTripMs: 0,
    work: { kind: 'push', shape: { layers: 1, layerBytes: 100 * megabyte }, before: 'nothing' },
    goals: [memory],
    mostRuns: 1,
  },
  {
    id: 'memory-large',
    title: 'memory: push 1 layer of 4 GB, loopback',
    roundTripMs: 0,
    work: { kind: 'push', shape: { layers: 1, layerBytes: 4000 * megabyte }, before: 'nothing' },
    goals: [memory],
    mostRuns: 1,
  },
]

/** How many bytes a row needs in memory or on disk at once: the layouts, the registry's content, its copy. */
export const roomFor = ({ work }: Row): number => {
  if (work.kind === 'merge') return 100 * megabyte
  const { layers, layerBytes } = work.shape
  return layers * layerBytes * (work.before === 'nothing' ? 3 : 5)
}
