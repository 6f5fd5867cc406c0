// The generated files are what their sources say, and safe in a shell.
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { boolean, choice, defineStep, list, map, number, type Step, text } from '@polyarch/ci-host'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { formatAction } from './action.ts'
import { formatComponent } from './component.ts'
import { findDrift, generateFiles } from './generated-files.ts'
import { formatJsonSchema } from './json-schema.ts'
import { fillMarkers } from './markers.ts'
import { loadSteps } from './step-list.ts'
import { inputTable } from './tables.ts'

const root = join(import.meta.dirname, '../../..')
const steps = await loadSteps(root)

/** One input of each kind, with and without a default. */
const sample = defineStep({
  name: 'sample',
  title: 'Sample',
  description: 'Has every kind of input.',
  inputs: z.object({
    needed: text('Needed', { required: true }),
    'plain-text': text('A text | with a pipe'),
    'preset-text': text('A text', { default: 'a' }),
    items: list('Items'),
    'preset-items': list('Items', { default: 'allow' }),
    pairs: map('Pairs', { secret: true }),
    'dry-run': boolean('Whether it is dry', false),
    careful: boolean('Whether it is careful', true),
    mode: choice('A mode', ['auto', 'off'], 'auto'),
    count: number('A count'),
    'preset-count': number('A count', { default: 4 }),
  }),
  outputs: z.object({ digest: z.string().meta({ description: 'The digest' }) }),
  run: () => Promise.resolve({ digest: '' }),
}) as unknown as Step

const job = `
spec: { inputs: { job-name: { description: Its name, default: sample } } }
---
$[[ inputs.job-name ]]:
  variables: { OWN: kept }
  script: [polyarch sample]
`

describe('the repository', () => {
  test('has every generated file as its sources say', async () => {
    expect(await findDrift(root, await generateFiles(root, steps))).toEqual([])
  })

  test('has no generated file of a step that is gone', async () => {
    const names = steps.map(({ name }) => name).sort()
    expect((await readdir(join(root, 'actions'))).sort()).toEqual(names)
    expect((await readdir(join(root, 'templates'))).sort()).toEqual(names.map((name) => `${name}.yml`))
    expect((await readdir(join(root, 'tools/generate/jobs'))).sort()).toEqual(names.map((name) => `${name}.job.yml`))
  })

  test.each(steps.map(({ name }) => name))('lets no input of %s into a shell', async (name) => {
    const documents = parseAllDocuments(await readFile(join(root, `templates/${name}.yml`), 'utf8'))
    for (const work of Object.values(documents[1]?.toJS() as Record<string, Record<string, unknown>>))
      for (const key of ['before_script', 'script', 'after_script'])
        expect(JSON.stringify(work[key] ?? [])).not.toContain('$[[')
  })

  test.each(steps.map(({ name }) => name))('names every input of %s without clashing with the job', async (name) => {
    const documents = parseAllDocuments(await readFile(join(root, `templates/${name}.yml`), 'utf8'))
    const header = documents[0]?.toJS() as { spec: { inputs: Record<string, { description?: string }> } }
    for (const [input, facts] of Object.entries(header.spec.inputs))
      expect(`${input} ${facts.description}`).toMatch(/ .{8}/)
    expect(Object.keys(header.spec.inputs)).toEqual(expect.arrayContaining(['job-name', 'job-stage', 'job-image']))
  })
})

describe('an input', () => {
  const action = parse(formatAction(sample)) as { inputs: Record<string, { required?: boolean; default?: string }> }
  const [header, body] = parseAllDocuments(formatComponent(sample, job, '1.2.3')).map((document) => document.toJS())
  const component = (header as { spec: { inputs: Record<string, Record<string, unknown>> } }).spec.inputs
  const { variables } = (body as Record<string, { variables: Record<string, string> }>)['$[[ inputs.job-name ]]'] ?? {}
  const row = (name: string) =>
    inputTable(sample)
      .split('\n')
      .find((line) => line.startsWith(`| \`${name}\` |`))

  test.each(['plain-text', 'items', 'pairs', 'count'])(
    'that may be missing has no default in any spelling: %s',
    (name) => {
      expect(action.inputs[name]).toEqual({ description: expect.any(String) })
      expect(component[name]).toEqual({ description: expect.any(String), default: '' })
      expect(row(name)).toMatch(/\|\s+\|$/)
    },
  )

  test.each([
    ['preset-text', 'a', 'a'],
    ['preset-items', 'allow', 'allow'],
    ['mode', 'auto', 'auto'],
    ['dry-run', 'false', false],
    ['careful', 'true', true],
    ['preset-count', '4', 4],
  ])('with a default has it in every spelling: %s', (name, written, typed) => {
    expect(action.inputs[name]).toMatchObject({ default: written })
    expect(component[name]).toMatchObject({ default: typed })
    expect(row(name)).toContain(`| \`${written}\` |`)
  })

  test('that is required is so in every spelling', () => {
    expect(action.inputs['needed']).toEqual({ description: 'Needed', required: true })
    expect(component['needed']).toEqual({ description: 'Needed' })
    expect(row('needed')).toContain('**required**')
  })

  test('of few words lists them for GitLab, as texts also for its older YAML', () => {
    const [oldHeader] = parseAllDocuments(formatComponent(sample, job, '1.2.3'), { version: '1.1' })
    for (const read of [header, oldHeader?.toJS()])
      expect(read).toMatchObject({ spec: { inputs: { mode: { options: ['auto', 'off'] } } } })
  })

  test('reaches a GitLab job as a variable that is always a text', () => {
    expect(variables).toMatchObject({
      OWN: 'kept',
      POLYARCH_VERSION: '1.2.3',
      INPUT_PLAIN_TEXT: '$[[ inputs.plain-text ]]',
      INPUT_DRY_RUN: '$[[ inputs.dry-run ]] ',
    })
  })

  test('keeps its row of the table whole', () => {
    expect(row('plain-text')).toContain('A text \\| with a pipe')
  })
})

describe('a component', () => {
  test('whose job takes the name of an input is refused', () => {
    const clash = job.replace('job-name: {', 'mode: { description: x }, job-name: {')
    expect(() => formatComponent(sample, clash, '1.2.3')).toThrow('redefines input mode')
  })

  test('that is no pair of documents is refused', () => {
    expect(() => formatComponent(sample, 'job: {}', '1.2.3')).toThrow('two YAML documents')
  })
})

describe('a JSON Schema', () => {
  test('lets keys through that begin with x-, and no other unknown ones', () => {
    const schema = z.strictObject({ name: z.string(), inner: z.strictObject({}).optional() })
    const { $id, properties, ...written } = JSON.parse(formatJsonSchema('sample', schema))
    expect($id).toMatch(/\/schemas\/sample\.schema\.json$/)
    for (const strict of [written, properties.inner])
      expect(strict).toMatchObject({ additionalProperties: false, patternProperties: { '^x-': {} } })
  })
})

describe('markers', () => {
  test('frame what is replaced, once and again', () => {
    const text = 'a\n<!-- x -->\nold\n<!-- /x -->\nb\n'
    const filled = fillMarkers(text, { x: 'new $& $1\n' })
    expect(filled).toBe('a\n<!-- x -->\nnew $& $1\n<!-- /x -->\nb\n')
    expect(fillMarkers(filled, { x: 'new $& $1\n', y: 'z' })).toBe(filled)
  })
})
