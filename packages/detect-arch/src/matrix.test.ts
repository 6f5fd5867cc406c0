// Plans of any size as matrices that a forge takes.
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openHost, parseInputs } from '@polyarch/ci-host'
import { parsePlan } from '@polyarch/documents'
import { describe, expect, test } from 'vitest'
import { temporaryWorkspace } from './fixtures/workspace.ts'
import type { ImageMatrix, LegMatrix } from './outputs.ts'
import { step } from './step.ts'

/** A workspace of so many images, each for four platforms. */
const images = (count: number) =>
  temporaryWorkspace({
    'polyarch.yaml': `version: 1
defaults: { platforms: [linux/amd64, linux/arm64, linux/s390x, linux/ppc64le], registry: ghcr.io/acme/a-rather-long-name }
images:
${Array.from({ length: count }, (_, index) => `  image-${index}:`).join('\n')}
`,
    Dockerfile: 'FROM scratch\n',
  })

const plan = (path: string, env: Readonly<Record<string, string>>) => {
  const host = openHost({ PATH: process.env['PATH'], ...env }, path)
  return step.run(parseInputs(step, {}), { ...host, log: { ...host.log, info: () => undefined } })
}

const readWritten = async (path: string, { 'plan-file': file = '' }: { readonly 'plan-file'?: string | undefined }) =>
  parsePlan(await readFile(join(path, file), 'utf8'), file)

const github = { GITHUB_ACTIONS: 'true' }

/** The entries of all shards of a matrix, and how many each has. */
const shardsOf = (outputs: object, name: string) => {
  const found = Object.entries(outputs).filter(([key]) => new RegExp(`^${name}-\\d+$`).test(key))
  const shards = found.map(([, matrix]) => (matrix as LegMatrix | ImageMatrix).include as readonly object[])
  return { sizes: shards.map((shard) => shard.length), entries: shards.flat() }
}

describe('on GitHub,', () => {
  test('a plan whose legs one matrix holds is that matrix, and one shard', async () => {
    await using workspace = await images(64)
    const outputs = await plan(workspace.path, github)
    expect(outputs.matrix?.include).toHaveLength(256)
    expect(shardsOf(outputs, 'matrix')).toEqual({ sizes: [256], entries: outputs.matrix?.include })
  })

  test('a plan of more legs is cut into matrices of 256, each leg in one of them', async () => {
    await using workspace = await images(300)
    const outputs = await plan(workspace.path, github)
    expect([outputs.matrix, outputs['merge-matrix']]).toEqual([undefined, undefined])
    expect(shardsOf(outputs, 'matrix').sizes).toEqual([256, 256, 256, 256, 176])
    expect(shardsOf(outputs, 'merge-matrix').sizes).toEqual([256, 44])
    const legs = shardsOf(outputs, 'matrix').entries.map((entry) => (entry as { leg: string }).leg)
    expect(legs).toEqual((await readWritten(workspace.path, outputs)).legs.map(({ id }) => id))
  })

  test('a plan that is too big for an output is in a file, and the other outputs stay below the limit', async () => {
    await using workspace = await images(1000)
    const outputs = await plan(workspace.path, github)
    expect(outputs.plan).toBeUndefined()
    expect(JSON.stringify(outputs).length).toBeLessThan(524_288)
    expect((await readWritten(workspace.path, outputs)).legs).toHaveLength(4000)
    expect(shardsOf(outputs, 'matrix').entries).toHaveLength(4000)
    expect(step.report?.(outputs)).toContain('.polyarch/plan.json')
  })

  test('a plan is an output as long as a step can be given it as an input', async () => {
    const start = async (text: string) =>
      await promisify(execFile)(process.execPath, ['--version'], { env: { INPUT_PLAN: text } })
    const lengths = await Promise.all(
      [150, 170, 190, 210, 230, 250].map(async (count) => {
        await using workspace = await images(count)
        const { plan: whole, 'plan-file': file } = await plan(workspace.path, github)
        if (whole !== undefined) await start(JSON.stringify(whole))
        else await expect(start(await readFile(join(workspace.path, file ?? ''), 'utf8'))).rejects.toThrow('E2BIG')
        return whole === undefined
      }),
    )
    expect(new Set(lengths)).toEqual(new Set([false, true]))
  })

  test('a plan of more jobs than all matrices hold is refused', async () => {
    await using workspace = await images(1025)
    await expect(plan(workspace.path, github)).rejects.toThrow('4100 jobs are more than 16 matrices of 256 hold')
  })
})

test('elsewhere nothing is cut', async () => {
  await using workspace = await images(1025)
  const outputs = await plan(workspace.path, { GITLAB_CI: 'true' })
  expect(outputs.matrix?.include).toHaveLength(4100)
  expect(outputs.plan).toMatchObject({ legs: { length: 4100 } })
  expect(outputs['plan-file']).toBeUndefined()
})
