// Records in directories, files, globs and JSON.
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { digestOf } from '@polyarch/oci'
import { temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { findRecords, parseRecords } from './record-source.ts'

const digest = digestOf(new TextEncoder().encode('image'))
const record = (platform: string) => ({
  schema: 'polyarch.digest/v1',
  plan: null,
  leg: null,
  image: 'web',
  platform,
  repository: 'localhost:5000/web',
  digest,
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  size: 500,
  configDigest: digest,
  attestations: [],
  engine: null,
  run: null,
})
const json = (value: unknown) => JSON.stringify(value, null, 2)

const directoryWith = async (files: Readonly<Record<string, unknown>>) => {
  const directory = await temporaryDirectory()
  for (const [name, content] of Object.entries(files)) {
    const file = join(directory.path, name)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, typeof content === 'string' ? content : json(content))
  }
  return directory
}
const amd64 = record('linux/amd64')
const arm64 = record('linux/arm64')

describe('records on disk', () => {
  const files = { 'records/a/amd64.json': amd64, 'records/b/arm64.json': arm64, 'records/note.txt': 'no record' }

  test.each([
    [['records']],
    [['records/a', 'records/b']],
    [['records/a/amd64.json,records/b/arm64.json']],
    [['records/*/*.json']],
    [['records', 'records/a/amd64.json']],
  ])('%j names both, each once', async (entries) => {
    await using directory = await directoryWith(files)
    const found = await findRecords(entries, directory.path)
    expect(found.map(({ record, place }) => [record.platform, place])).toEqual([
      ['linux/amd64', 'records/a/amd64.json'],
      ['linux/arm64', 'records/b/arm64.json'],
    ])
  })

  test('are looked for in .polyarch/records, which need not exist', async () => {
    await using directory = await directoryWith({ '.polyarch/records/web.json': amd64 })
    await using empty = await temporaryDirectory()
    expect(await findRecords([], directory.path)).toHaveLength(1)
    expect(await findRecords([], empty.path)).toEqual([])
  })

  test('may lie beside plans and merge results', async () => {
    const others = {
      'records/plan.json': { schema: 'polyarch.plan/v1' },
      'records/web.merge.json': { schema: 'polyarch.merge/v1' },
    }
    await using directory = await directoryWith({ ...files, ...others })
    expect(await findRecords(['records'], directory.path)).toHaveLength(2)
  })

  test('behind a link out of the directory are not taken', async () => {
    await using elsewhere = await directoryWith({ 'riscv64.json': record('linux/riscv64') })
    await using directory = await directoryWith(files)
    await symlink(elsewhere.path, join(directory.path, 'records/linked'))
    await symlink(join(elsewhere.path, 'riscv64.json'), join(directory.path, 'records/riscv64.json'))
    expect(await findRecords(['records'], directory.path)).toHaveLength(2)
  })

  test.each<[string, readonly string[], Readonly<Record<string, unknown>>, RegExp]>([
    ['a file that is not there', ['records/x.json'], files, /there is no records\/x\.json/],
    [
      'a path through a file',
      ['records/note.txt/x.json'],
      files,
      /cannot read records\/note\.txt\/x\.json \(ENOTDIR\)/,
    ],
    ['a glob that fits nothing', ['records/*.yaml'], files, /there is no records\/\*\.yaml/],
    ['a record cut short', ['records'], { 'records/a.json': json(amd64).slice(0, 100) }, /records\/a\.json: not JSON/],
    [
      'another document',
      ['records'],
      { 'records/a.json': { name: 'x' } },
      /records\/a\.json: expected a polyarch\.digest\/v1 document/,
    ],
    ['an unknown key', ['records'], { 'records/a.json': { ...amd64, tag: 'x' } }, /records\/a\.json: .*tag/],
    [
      'a later version',
      ['records'],
      { 'records/a.json': { ...amd64, schema: 'polyarch.digest/v2' } },
      /found polyarch\.digest\/v2/,
    ],
  ])('%s is bad input', async (_, entries, content, message) => {
    await using directory = await directoryWith(content)
    await expect(findRecords(entries, directory.path)).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(message),
    })
  })
})

describe('records as JSON', () => {
  const needs = {
    'build-amd64': { result: 'success', outputs: { record: json(amd64), digest, matrix: '{"include":[]}' } },
    'build-arm64': { result: 'success', outputs: { record: json(arm64), note: '{ not JSON' } },
  }

  test.each<[string, unknown]>([
    ['a list', [amd64, arm64]],
    ['a list of texts', [json(amd64), json(arm64)]],
    ['what toJSON(needs) gives', needs],
  ])('%s', (_, value) => {
    expect(parseRecords(json(value)).map(({ record }) => record.platform)).toEqual(['linux/amd64', 'linux/arm64'])
  })

  test('one record says where it stood', () => {
    expect(parseRecords(json(amd64))).toMatchObject([{ place: 'input records' }])
    expect(parseRecords(json(needs))[1]?.place).toBe('input records.build-arm64.outputs.record')
  })

  test('as an input splits it into lines, and as a repeated flag', async () => {
    expect(await findRecords(json([amd64, arm64]).split('\n'), '/')).toHaveLength(2)
    expect(await findRecords([JSON.stringify(amd64), JSON.stringify(arm64)], '/')).toHaveLength(2)
  })

  test.each([['[1,'], ['{"schema":"polyarch.digest/v1"}']])('%s is bad input', (text) => {
    expect(() => parseRecords(text)).toThrow(
      expect.objectContaining({ kind: 'input', message: expect.stringMatching(/^input records: /) }),
    )
  })
})
