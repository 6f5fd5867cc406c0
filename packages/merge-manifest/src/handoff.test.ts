// Records as artifacts of other jobs.
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Host, openHost } from '@polyarch/ci-host'
import { formatDocument, handoffName, parseDigestRecord } from '@polyarch/documents'
import { digestOf } from '@polyarch/oci'
import { expect, test } from 'vitest'
import { artifactNames, receiveRecords } from './handoff.ts'
import { requestFromInputs } from './request.ts'

const digest = digestOf(new TextEncoder().encode('image'))
const repository = 'ghcr.io/acme/web'
const request = requestFromInputs({
  image: undefined,
  repository: [repository],
  platforms: ['linux/amd64', 'linux/arm64', 'linux/s390x'],
  tags: [],
  annotations: {},
  sources: [`linux/s390x=ghcr.io/acme/mainframe@${digest}`],
  'on-missing': 'fail',
  'required-platforms': [],
})
const record = (platform: string) =>
  parseDigestRecord(
    JSON.stringify({
      schema: 'polyarch.digest/v1',
      plan: null,
      leg: null,
      image: 'web',
      platform,
      repository,
      digest,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      size: 500,
      configDigest: digest,
      attestations: [],
      engine: null,
      run: null,
    }),
    'record',
  )

/** A stand-in for GitHub's artifacts, which exist nowhere else: what was sent under a name lies in a map. */
const hostWithArtifacts = (artifacts: ReadonlyMap<string, string>, warnings: string[]): Host =>
  Object.assign(Object.create(openHost({}, tmpdir())) as Host, {
    log: { warning: (message: string) => void warnings.push(message) },
    receiveFiles: async (names: readonly string[], directory: string) => {
      for (const name of names.filter((wanted) => artifacts.has(wanted))) {
        await mkdir(join(directory, name), { recursive: true })
        await writeFile(join(directory, name, 'record.json'), artifacts.get(name)!)
      }
      return names.filter((name) => !artifacts.has(name))
    },
  })

const leftOver = async () => (await readdir(tmpdir())).filter((name) => name.startsWith('polyarch-records-'))

test('records are asked for under the names that push-digest sends them under', () => {
  expect(artifactNames(request)).toEqual([
    handoffName(null, repository, 'web.linux-amd64'),
    handoffName(null, repository, 'web.linux-arm64'),
  ])
})

test('records of all legs are received, even where jobs gave them the same file name', async () => {
  const sent = ['linux/amd64', 'linux/arm64'].map((platform, position): [string, string] => [
    artifactNames(request)[position]!,
    formatDocument(record(platform)),
  ])
  const before = await leftOver()
  const found = await receiveRecords(request, hostWithArtifacts(new Map(sent), []))
  expect(found.map((entry) => entry.record.platform)).toEqual(['linux/amd64', 'linux/arm64'])
  expect(found[0]?.place).toMatch(/^artifact polyarch-\w{12}-web\.linux-amd64\/record\.json$/)
  expect(await leftOver()).toEqual(before)
})

test('a record that no job sent is named', async () => {
  const warnings: string[] = []
  const sent = new Map([[artifactNames(request)[0]!, formatDocument(record('linux/amd64'))]])
  expect(await receiveRecords(request, hostWithArtifacts(sent, warnings))).toHaveLength(1)
  expect(warnings).toEqual([`no job of this run handed on ${artifactNames(request)[1]}`])
})
