// Results of whole runs as markdown and as a table.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Log, openHost, parseInputs, type RawInputs } from '@polyarch/ci-host'
import { formatDocument, MergeResult, sealPlan } from '@polyarch/documents'
import { digestOf } from '@polyarch/oci'
import { type TemporaryDirectory, temporaryDirectory } from '@polyarch/parts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { report } from './report.ts'
import { step } from './step.ts'

const digest = (text: string) => digestOf(new TextEncoder().encode(text))

const image = (id: string) => ({
  id,
  repositories: [`ghcr.io/acme/${id}`],
  tags: ['latest'],
  platforms: ['linux/amd64'],
  labels: {},
  annotations: {},
  build: null,
  prebuilt: { 'linux/amd64': `ghcr.io/acme/other@${digest('other')}` },
  needs: [],
})
const plan = sealPlan({
  source: { repository: null, revision: null, created: null },
  images: [image('web'), image('api')],
  legs: [],
  skipped: [{ image: 'docs', reason: 'unchanged' }],
})

const result = (id: string, changes: Partial<MergeResult> = {}): MergeResult =>
  MergeResult.parse({
    schema: 'polyarch.merge/v1',
    plan: plan.id,
    image: id,
    digest: digest(id),
    mediaType: 'application/vnd.oci.image.index.v1+json',
    size: 864,
    platforms: [
      {
        platform: 'linux/amd64',
        digest: digest(`${id} amd64`),
        mediaType: 'x',
        size: 500,
        layersSize: 5_678_901,
        prebuilt: false,
      },
      {
        platform: 'linux/s390x',
        digest: digest(`${id} s390x`),
        mediaType: 'x',
        size: 500,
        layersSize: 12,
        prebuilt: true,
      },
    ],
    repositories: [
      {
        repository: `ghcr.io/acme/${id}`,
        tags: [
          { tag: '1.0', previous: null, status: 'created' },
          { tag: 'latest', previous: digest('old'), status: 'moved' },
        ],
      },
    ],
    ...changes,
  })

describe('report', () => {
  let directory: TemporaryDirectory
  let logged: string[]

  beforeEach(async () => {
    directory = await temporaryDirectory()
    logged = []
  })
  afterEach(() => directory[Symbol.asyncDispose]())

  const write = async (files: Readonly<Record<string, MergeResult | string>>): Promise<void> => {
    for (const [name, content] of Object.entries(files)) {
      await mkdir(join(directory.path, name, '..'), { recursive: true })
      await writeFile(join(directory.path, name), typeof content === 'string' ? content : formatDocument(content))
    }
  }
  const run = (raw: RawInputs = {}) => {
    const keep = (message: string) => void logged.push(message)
    const log: Log = { debug: keep, info: keep, warning: keep, error: keep, group: (_, work) => work() }
    return step.run(parseInputs(step, raw), Object.assign(Object.create(openHost({}, directory.path)), { log }))
  }

  test('shows every image with its platforms, sizes, tags and how to pull it', async () => {
    await write({ '.polyarch/merge/web.json': result('web'), '.polyarch/merge/api.json': result('api') })
    const { images } = await run({ plan: JSON.stringify(plan) })
    expect(images).toEqual([result('web'), result('api')])
    const text = logged.join('\n')
    for (const id of ['web', 'api']) {
      expect(text).toMatch(new RegExp(`linux/amd64 .*${digest(`${id} amd64`)} .* 5\\.68 MB`))
      expect(text).toContain(`docker pull ghcr.io/acme/${id}@${digest(id)}`)
      expect(text).toMatch(new RegExp(`ghcr.io/acme/${id}:latest\\s+moved`))
    }
    expect(text).toContain('docs: skipped, unchanged')
  })

  test('without a plan it shows what there is, in one order always', async () => {
    await write({ 'out/z.json': result('api'), 'out/a.json': result('web') })
    expect((await run({ results: 'out' })).images.map((entry) => entry.image)).toEqual(['api', 'web'])
    expect((await run({ results: 'out/a.json,out/*.json' })).images.map((entry) => entry.image)).toEqual(['api', 'web'])
  })

  test('says which images of the plan have no result', async () => {
    await write({ '.polyarch/merge/web.json': result('web') })
    const outputs = await run({ plan: JSON.stringify(plan) })
    expect(outputs.missing).toEqual(['api'])
    expect(logged).toContain('no result for api')
    expect(report(outputs)).toContain('No result for: api')
  })

  test('nothing at all is no failure', async () => {
    expect(await run()).toEqual({ images: [], missing: [] })
    expect(logged).toEqual(['no image was merged'])
  })

  test.each<[string, RawInputs, Readonly<Record<string, MergeResult | string>>, string, RegExp]>([
    ['a missing file', { results: 'out/web.json' }, {}, 'input', /there is no out\/web\.json/],
    ['a broken file', { results: 'out' }, { 'out/web.json': '{' }, 'input', /out\/web\.json: not JSON/],
    [
      'another plan’s result',
      { plan: JSON.stringify(plan), results: 'out' },
      { 'out/web.json': result('web', { plan: '000000000000' }) },
      'verification',
      /in plan 000000000000, not of plan/,
    ],
    [
      'two results for one image',
      { results: 'out' },
      { 'out/a.json': result('web'), 'out/b.json': result('web', { digest: digest('other') }) },
      'verification',
      /out\/a\.json and out\/b\.json are both of image web/,
    ],
    ['artifacts without a plan', { handoff: 'artifact' }, {}, 'input', /artifact needs the plan/],
  ])('%s is refused', async (_, raw, files, kind, message) => {
    await write(files)
    await expect(run(raw)).rejects.toMatchObject({ kind, message: expect.stringMatching(message) })
  })

  test('the markdown has one table over all images', () => {
    const text = report({ images: [result('web'), result('api')], missing: [] })
    expect(text.match(/^\| image \|/gm)).toHaveLength(1)
    expect(text).toContain(`| web | linux/s390x (prebuilt) | \`${digest('web s390x')}\` | 12 B |`)
    expect(text).toContain(`docker pull ghcr.io/acme/api@${digest('api')}`)
  })

  test('a store on disk is named, not pulled, and its name cannot become markup', () => {
    const repository = 'oci:a`|b\n```\n# injected'
    const text = report({ images: [result('web', { repositories: [{ repository, tags: [] }] })], missing: [] })
    expect(text).not.toContain('docker pull')
    expect(text).toContain(`@${digest('web')}`)
    expect(text).not.toMatch(/^# injected/m)
    expect(text.match(/^```/gm)).toHaveLength(2)
  })
})
