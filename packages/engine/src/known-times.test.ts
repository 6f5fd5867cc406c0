// The times of instructions in a cache repository: kept from build to build, and never a reason to fail.
import { type Host, openHost } from '@polyarch/ci-host'
import type { Repository } from '@polyarch/oci'
import { lacks, type RunningRegistry, startFaultProxy, startRegistry, temporaryDirectory } from '@polyarch/parts'
import { openStores, writeArtifact } from '@polyarch/stores'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createInstructionRecord } from './instruction-times.ts'
import { settleTimes } from './known-times.ts'

const first = createInstructionRecord()
first.addRun('RUN a', 61)
const second = createInstructionRecord()
second.addCached('RUN a')
second.addCached('RUN b')

const unknown = { hits: 2, timedHits: 0, secondsSaved: undefined }
const known = { hits: 2, timedHits: 1, secondsSaved: 61 }

const settings = { 'registry-auth': [], 'insecure-registries': [], 'registry-mirrors': [] }

/** Settles the times of builds, one after another; gives what each saved and the lines that were logged. */
const settle = async (repository: Repository, builds: readonly (typeof first)[]) => {
  await using directory = await temporaryDirectory()
  const opened = openHost({ PATH: process.env['PATH'] }, directory.path)
  const lines: string[] = []
  const log = {
    ...opened.log,
    debug: (line: string) => void lines.push(`debug ${line}`),
    warning: (line: string) => void lines.push(`warning ${line}`),
  }
  const host = Object.assign(Object.create(opened) as Host, { log })
  await using stores = await openStores(settings, host)
  const uses = []
  for (const build of builds) uses.push(await settleTimes(repository, 'kaniko', build, stores, host))
  return { uses, lines }
}

const leave = async (repository: Repository, artifactType: string, text: string) => {
  await using stores = await openStores(settings, openHost({}, '/'))
  const store = stores.open({ kind: 'registry', repository })
  await writeArtifact(store, 'polyarch-durations', artifactType, Buffer.from(text))
}

describe.skipIf(lacks('docker-registry'))('a cache repository', () => {
  let registry: RunningRegistry
  beforeAll(async () => {
    registry = await startRegistry()
  })
  afterAll(() => registry.stop())

  test('tells a later build how long an instruction took that it took from there', async () => {
    const repository = { host: registry.host, name: 'cache/linux-amd64' }
    expect(await settle(repository, [second, first])).toMatchObject({ uses: [unknown, {}], lines: [] })
    expect(await settle(repository, [second, second])).toMatchObject({ uses: [known, known], lines: [] })
  })

  test.each([
    ['no-times', '{"a":1}', /^debug \S+\/no-times: the times of instructions cannot be read: .* not seconds by key$/],
    ['too-much', `{"a":"${'x'.repeat(200_000)}"}`, /^debug \S+\/too-much: the times .* cannot be read: .*SIZE_INVALID/],
  ])('with %s is put right by the next build', async (name, text, line) => {
    const repository = { host: registry.host, name }
    await leave(repository, 'application/vnd.polyarch.durations.v1+json', text)
    const { uses, lines } = await settle(repository, [second, first, second])
    expect(uses).toMatchObject([unknown, {}, known])
    expect(lines).toEqual([expect.stringMatching(line), expect.stringMatching(line)])
  })

  test('with something else under the tag is put right too', async () => {
    const repository = { host: registry.host, name: 'other' }
    await leave(repository, 'application/vnd.example+json', '{}')
    const { uses, lines } = await settle(repository, [first, second])
    expect(uses).toMatchObject([{}, known])
    expect(lines).toEqual([expect.stringMatching(/^debug .* is not one blob of type application\/vnd\.polyarch\./)])
  })

  test('that cannot be read is named in one warning', async () => {
    await using proxy = await startFaultProxy({
      target: registry.host,
      seed: 1,
      refusals: { share: 1, statuses: [400] },
    })
    const { uses, lines } = await settle({ host: proxy.host, name: 'cache' }, [second])
    expect(uses).toEqual([unknown])
    expect(lines).toEqual([
      expect.stringMatching(`^warning ${proxy.host}/cache: the times of instructions cannot be read: .* 400 `),
    ])
  })
})

describe.skipIf(lacks('docker-registry'))('a cache repository that is not ours', () => {
  test('is no news', async () => {
    const registry = await startRegistry({ auth: 'htpasswd' })
    try {
      const { uses, lines } = await settle({ host: registry.host, name: 'cache' }, [first, second])
      expect(uses).toMatchObject([{}, unknown])
      expect(lines.length).toBeGreaterThan(0)
      for (const line of lines) expect(line).toMatch(/^debug \S+\/cache: the times .* 401 /)
    } finally {
      await registry.stop()
    }
  })
})
