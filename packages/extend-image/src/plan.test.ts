// What the inputs mean: the lifecycle's defaults, Polyarch's outputs, and the time that caches live.
import { parseInputs, type RawInputs, readRawInputs } from '@polyarch/ci-host'
import type { Leg } from '@polyarch/documents'
import { describe, expect, test } from 'vitest'
import { type ExtensionLeg, planExtension } from './plan.ts'
import { step } from './step.ts'

const plan = (raw: RawInputs, leg?: ExtensionLeg, env: Readonly<Record<string, string>> = {}) =>
  planExtension(parseInputs(step, { 'platform-api': '0.13', ...raw }), leg, { directory: '/work', env })

const leg = (engine: Leg['engine'], kind: 'run' | 'build'): ExtensionLeg => ({
  leg: { id: 'web.linux-arm64', image: 'web', platform: 'linux/arm64', engine, runner: 'x', native: true },
  extension: { kind, context: 'web', layers: 'layers/linux-arm64' },
})

describe('files are where', () => {
  test('the lifecycle has them', () => {
    expect(plan({ kind: 'run' })).toMatchObject({
      paths: {
        analyzed: '/layers/analyzed.toml',
        app: '/workspace',
        generated: '/layers/generated',
        group: '/layers/group.toml',
        layers: '/layers',
        platform: '/platform',
      },
      output: { kind: 'extended', directory: '/layers/extended/run' },
      engine: 'kaniko',
      logLevel: 'info',
    })
  })

  test('the inputs say, from the workspace on', () => {
    const { paths, output } = plan({
      kind: 'run',
      layers: 'l',
      generated: '/g',
      app: '.',
      extended: 'e',
      analyzed: 'a.toml',
      group: 'g.toml',
    })
    expect(paths).toMatchObject({
      layers: '/work/l',
      generated: '/g',
      app: '/work',
      analyzed: '/work/a.toml',
      group: '/work/g.toml',
    })
    expect(output).toEqual({ kind: 'extended', directory: '/work/e/run' })
  })

  test('the lifecycle’s variables say, where no input does', () => {
    const env = {
      CNB_PLATFORM_API: '0.12',
      CNB_EXTEND_KIND: 'run',
      CNB_LAYERS_DIR: '/l',
      CNB_APP_DIR: '/a',
      CNB_GENERATED_DIR: '/g',
      CNB_PLATFORM_DIR: '/p',
      CNB_LOG_LEVEL: 'debug',
      CNB_EXTENDED_DIR: '/e',
      INPUT_APP: '/own',
      INPUT_GENERATED: '',
    }
    const inputs = parseInputs(step, readRawInputs(step, { layers: '/flag' }, env))
    expect(planExtension(inputs, undefined, { directory: '/work', env })).toMatchObject({
      api: { minor: 12 },
      kind: 'run',
      logLevel: 'debug',
      paths: { layers: '/flag', app: '/own', generated: '/g', platform: '/p', analyzed: '/flag/analyzed.toml' },
      output: { directory: '/e/run' },
    })
  })

  test('a leg of a plan says', () => {
    expect(
      plan({ kind: 'run', app: '/other' }, leg('buildah', 'build'), {
        CNB_EXTEND_KIND: 'run',
        CNB_APP_DIR: '/other',
      }),
    ).toMatchObject({
      name: 'web.linux-arm64',
      kind: 'build',
      engine: 'buildah',
      platform: { os: 'linux', architecture: 'arm64' },
      paths: { app: '/work/web', layers: '/work/layers/linux-arm64' },
      output: { kind: 'layout', directory: '/work/.polyarch/layouts/web.linux-arm64' },
    })
  })
})

describe('the output is', () => {
  const repository = { kind: 'registry', repository: { host: 'localhost:5000', name: 'x' } }
  test.each<[RawInputs, unknown]>([
    [{ kind: 'run' }, { kind: 'extended', directory: '/layers/extended/run' }],
    [
      { kind: 'run', output: 'image', repository: 'localhost:5000/x' },
      { kind: 'image', repository },
    ],
    [
      { kind: 'build', repository: 'localhost:5000/x' },
      { kind: 'image', repository },
    ],
    [{ repository: 'localhost:5000/x' }, { kind: 'image', repository }],
    [
      { kind: 'build', layout: 'out' },
      { kind: 'layout', directory: '/work/out' },
    ],
    [
      { kind: 'run', output: 'layout' },
      { kind: 'layout', directory: '/work/.polyarch/layouts/run' },
    ],
  ])('%j: %j', (raw, output) => {
    expect(plan(raw).output).toEqual(output)
  })

  test.each<[RawInputs, number | undefined, string]>([
    [{ kind: 'build' }, undefined, 'input repository is required for output image: HOST/NAME or oci:DIR'],
    [
      { kind: 'build', output: 'extended' },
      undefined,
      'input output: a build image cannot go to the exporter: say image or layout',
    ],
    [
      { kind: 'run', repository: 'localhost/x' },
      undefined,
      'input repository is for output image: this is output extended',
    ],
    [
      { kind: 'run', output: 'image', repository: 'localhost/x', layout: 'out' },
      undefined,
      'input layout is for output layout: this is output image',
    ],
    [{ kind: 'both' }, 3, 'input kind: expected build or run, found "both"'],
    [{ kind: 'run', 'log-level': 'loud' }, 3, 'input log-level: expected debug, info, warn, error; found "loud"'],
    [{ kind: 'run', 'cache-repo': 'oci:x' }, undefined, 'input cache-repo: expected HOST[:PORT]/NAME, found "oci:x"'],
  ])('not what %j asks for', (raw, exitCode, message) => {
    expect(() => plan(raw)).toThrow(expect.objectContaining({ message, exitCode }))
  })
})

test.each<RawInputs>([{ engine: 'kaniko' }, { kind: 'build' }, { app: 'web' }, { layers: '/layers' }])(
  'what a leg decides is not given beside it: %j',
  (raw) => {
    expect(() => plan(raw, leg('buildah', 'run'))).toThrow(
      `input ${Object.keys(raw)[0]} contradicts plan: the plan says what leg web.linux-arm64 extends, and with what`,
    )
  },
)

test('a leg’s image can go to the exporter or a repository too', () => {
  expect(plan({ output: 'extended' }, leg('kaniko', 'run')).output).toEqual({
    kind: 'extended',
    directory: '/work/layers/linux-arm64/extended/run',
  })
  expect(plan({ output: 'image', repository: 'oci:x' }, leg('kaniko', 'run')).output).toMatchObject({ kind: 'image' })
})

describe('the time that cached layers live', () => {
  const deprecated = 'kaniko-cache-ttl (CNB_KANIKO_CACHE_TTL) is deprecated: say extend-cache-ttl'
  const cache = { kind: 'run', 'cache-repo': 'localhost:5000/cache' }
  test.each<[RawInputs, readonly string[], readonly string[], readonly string[]]>([
    [cache, [], [], []],
    [{ ...cache, 'extend-cache-ttl': '336h' }, ['--cache-ttl=336h'], [], []],
    [{ ...cache, 'kaniko-cache-ttl': '1h30m' }, ['--cache-ttl=1h30m'], [deprecated], []],
    [{ ...cache, 'extend-cache-ttl': '2h', 'kaniko-cache-ttl': '1h' }, ['--cache-ttl=2h'], [deprecated], []],
    [{ kind: 'run', 'extend-cache-ttl': '2h' }, [], [], ['extend-cache-ttl changes nothing without cache-repo']],
    [
      { ...cache, engine: 'buildah', 'extend-cache-ttl': '2h' },
      [],
      [],
      ['extend-cache-ttl changes nothing: buildah has no such limit'],
    ],
    [
      { ...cache, engine: 'buildkit', 'kaniko-cache-ttl': '2h' },
      [],
      [deprecated],
      ['kaniko-cache-ttl changes nothing: buildkit has no such limit'],
    ],
  ])('%j', (raw, engineArgs, warnings, notices) => {
    expect(plan(raw)).toMatchObject({ engineArgs, warnings, notices })
  })

  test.each(['2 weeks', '-1h', '1', '1d', ''])('is not "%s"', (ttl) => {
    expect(() => plan({ kind: 'run', 'extend-cache-ttl': ttl })).toThrow(expect.objectContaining({ exitCode: 3 }))
  })
})
