// Pushes and merges while the line, the registry or the client itself breaks: a tag is never half right.
import { setTimeout as delay } from 'node:timers/promises'
import {
  type FaultOptions,
  type FaultProxy,
  lacks,
  type RegistryOptions,
  type RunningRegistry,
  startFaultProxy,
  startRegistry,
  type TemporaryDirectory,
} from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runCommand } from './command.ts'
import { copyProgram, type FaultScene, openFaultScene } from './fault-scene.ts'

/** `npm run test:faults` sets it to 200; each run pushes two platforms and merges them into two repositories. */
const runs = Number(process.env['POLYARCH_FAULT_RUNS'] || 20)

type Line = Omit<FaultOptions, 'target' | 'seed'>

/** Where a connection breaks, by turns: at its first requests, in a small blob, in a large one. */
const depths = [2_000, 20_000, 200_000] as const

/** Ways in which the line breaks. */
const lines: Readonly<Record<string, Line>> = {
  'a fifth of the connections reset': { resets: 0.2 },
  'a fifth of the connections cut short': { truncations: 0.2 },
  'answers of 5xx': { refusals: { share: 0.25, statuses: [500, 502, 503, 504] } },
  'answers of 429': { refusals: { share: 0.1, statuses: [429], retryAfter: '1' } },
  'a slow line that breaks': { bytesPerSecond: 400_000, resets: 0.1 },
}
const kinds = [...Object.keys(lines), 'a registry that is killed', 'a client that is killed'] as const

const servers = ['docker-registry', 'distribution-3'] as const satisfies RegistryOptions['server'][]
type Server = (typeof servers)[number]

/** Numbers from 0 to 1 that depend on the run only. */
const chanceOf = (run: number) => {
  let state = run + 1
  return (): number => {
    state = (state * 48_271) % 2_147_483_647
    return (state % 10_007) / 10_007
  }
}

/** A registry that was killed while it wrote may have left a link without content: it answers 500 for that blob ever after. */
class SpoiltStore extends Error {}
const spoilt = / HEAD \S+: 500 /

/** Runs the command until it is done; while `isBroken`, it may fail as long as it says so in the right way. */
const finish = async (scene: FaultScene, command: readonly string[], heal: () => void): Promise<void> => {
  const first = await scene.run(command)
  if (first.code === 0) return
  if (first.code === 137 && spoilt.test(first.log)) throw new SpoiltStore()
  expect(first.code, first.log).toBe(5)
  expect(first.log).not.toMatch(/unexpected|at .*\.js:\d+/)
  await scene.expectNothingHalf()
  heal()
  const second = await scene.run(command)
  if (second.code !== 0 && spoilt.test(second.log)) throw new SpoiltStore()
  expect(second.code, second.log).toBe(0)
}

describe.concurrent('the whole job survives', { timeout: 400_000 }, () => {
  const registries = new Map<Server, RunningRegistry>()
  let program: TemporaryDirectory
  const faults = new Map<string, number>()
  const usable = servers.filter((server) => server === 'docker-registry' || !lacks('distribution-3'))

  beforeAll(async () => {
    program = await copyProgram()
    if (lacks('docker-registry')) return
    for (const server of usable) registries.set(server, await startRegistry({ server }))
  })
  afterAll(async () => {
    for (const registry of registries.values()) await registry.stop()
    await program[Symbol.asyncDispose]()
    // A tier in which nothing broke has shown nothing.
    for (const [kind, count] of faults) expect(count, kind).toBeGreaterThan(0)
  })

  const judgeWithSkopeo = async (registry: RunningRegistry, scene: FaultScene): Promise<void> => {
    for (const name of scene.names) {
      const image = `docker://${registry.host}/${name}:latest`
      const command = ['skopeo', 'inspect', '--tls-verify=false', '--override-arch', 'arm64', image] as const
      const { code, log } = await runCommand([...command], { directory: '/' })
      expect(code, log).toBe(0)
    }
  }

  const breakLine = async (kind: string, run: number, registry: RunningRegistry): Promise<void> => {
    const within = depths[Math.floor(run / kinds.length) % depths.length] ?? depths[0]
    const options = { target: registry.host, seed: run, within, ...lines[kind] }
    await using proxy: FaultProxy = await startFaultProxy(options)
    await using scene = await openFaultScene(program.path, registry.host, proxy.host)
    await Promise.all(scene.pushes.map((push) => finish(scene, push, () => proxy.heal())))
    await finish(scene, scene.merge, () => proxy.heal())
    await scene.expectNothingHalf()
    await scene.expectAllDone()
    const count = Object.values(proxy.faults()).reduce((sum, each) => sum + each, 0)
    faults.set(kind, (faults.get(kind) ?? 0) + count)
  }

  const killRegistry = async (run: number, server: Server): Promise<void> => {
    const chance = chanceOf(run)
    await using registry = await startRegistry({ server })
    await using scene = await openFaultScene(program.path, registry.host, registry.host)
    const work = async (): Promise<void> => {
      await Promise.all(scene.pushes.map((push) => finish(scene, push, () => undefined)))
      await finish(scene, scene.merge, () => undefined)
    }
    const kill = async (): Promise<void> => {
      for (let time = 0; time < 3; time += 1) {
        await delay(150 + chance() * 500)
        await registry.restart()
      }
    }
    const [worked, killed] = await Promise.allSettled([work(), kill()])
    await scene.expectNothingHalf()
    if (killed.status === 'rejected') throw killed.reason
    if (worked.status === 'fulfilled') await scene.expectAllDone()
    else if (!(worked.reason instanceof SpoiltStore)) throw worked.reason
  }

  const killClient = async (run: number, registry: RunningRegistry): Promise<void> => {
    const chance = chanceOf(run)
    await using scene = await openFaultScene(program.path, registry.host, registry.host)
    const killSometimes = async (command: readonly string[]): Promise<void> => {
      for (let time = 0; time < 3; time += 1) {
        const { code } = await scene.run(command, Math.round(100 + chance() * 400))
        faults.set('a client that is killed', (faults.get('a client that is killed') ?? 0) + (code === 137 ? 1 : 0))
        await scene.expectNothingHalf()
      }
      const { code, log } = await scene.run(command)
      expect(code, log).toBe(0)
    }
    for (const command of [...scene.pushes, scene.merge]) await killSometimes(command)
    await scene.expectNothingHalf()
    await scene.expectAllDone()
    await judgeWithSkopeo(registry, scene)
  }

  const all = Array.from({ length: runs }, (_, run) => ({
    run,
    kind: kinds[run % kinds.length] ?? '',
    server: usable[Math.floor(run / kinds.length) % usable.length] ?? 'docker-registry',
  }))
  test.skipIf(lacks('docker-registry', 'skopeo')).each(all)(
    'run $run: $kind, $server',
    async ({ run, kind, server }) => {
      const registry = registries.get(server)
      if (registry === undefined) throw new Error(`${server} did not start`)
      if (kind === 'a registry that is killed') await killRegistry(run, server)
      else if (kind === 'a client that is killed') await killClient(run, registry)
      else await breakLine(kind, run, registry)
    },
  )
})
