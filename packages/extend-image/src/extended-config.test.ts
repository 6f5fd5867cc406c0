// The config of what was extended: the label, the users and the history, as the lifecycle has them.
import type { Digest, ImageConfig } from '@polyarch/oci'
import { describe, expect, test } from 'vitest'
import {
  describeFinalUser,
  describeRoot,
  finishConfig,
  isRebasable,
  mergeConfig,
  normaliseHistory,
} from './extended-config.ts'

const digest = (letter: string): Digest => `sha256:${letter.repeat(64)}`

const config = (
  settings: Readonly<Record<string, unknown>>,
  more: Partial<ImageConfig> & Readonly<Record<string, unknown>> = {},
): ImageConfig => ({
  os: 'linux',
  architecture: 'amd64',
  config: settings,
  rootfs: { type: 'layers', diff_ids: [digest('a')] },
  ...more,
})

const labelled = (value: string | undefined, User = '1000:1000'): ImageConfig =>
  config({ User, ...(value === undefined ? {} : { Labels: { 'io.buildpacks.rebasable': value, own: 'kept' } }) })

const applied = (...configs: ImageConfig[]) =>
  configs.map((after, index) => ({ path: `/${index}/run.Dockerfile`, config: after }))

const labelOf = ({ config: settings }: ImageConfig) => settings?.Labels?.['io.buildpacks.rebasable']

describe('a run image is rebasable', () => {
  test.each([
    ['true', 'true', 'true'],
    ['true', 'false', 'false'],
    ['false', 'true', 'false'],
    ['false', 'false', 'false'],
    ['1', 'T', 'true'],
    ['true', 'yes', 'false'],
    ['true', undefined, 'false'],
    [undefined, 'true', 'false'],
  ])('after Dockerfiles that leave %s and %s: %s', (first, second, expected) => {
    const last = labelled(second)
    const finished = finishConfig('run', last, applied(labelled(first), last), 'extended')
    expect(labelOf(finished)).toBe(expected)
    if (second !== undefined) expect(finished.config?.Labels?.['own']).toBe('kept')
    expect(finished['created']).toBe('0001-01-01T00:00:00Z')
  })

  test('never, where it is pushed as the base of the app: a rebase would take the extensions away', () => {
    const last = labelled('true')
    expect(labelOf(finishConfig('run', last, applied(last), 'image'))).toBe('false')
    expect(labelOf(finishConfig('run', last, applied(last), 'layout'))).toBe('true')
  })

  test.each(['true', undefined])('as it says itself (%s), where nothing was applied', (value) => {
    expect(labelOf(finishConfig('run', labelled(value), [], 'extended'))).toBe(value)
  })

  test('is nothing that a build image says', () => {
    const built = labelled('false')
    expect(finishConfig('build', built, applied(built), 'extended')).toBe(built)
  })

  test.each(['true', 'TRUE', 'True', 't', 'T', '1'])('with a label %s', (value) => {
    expect(isRebasable(labelled(value))).toBe(true)
  })

  test.each(['', 'yes', 'tRue', ' true', '0', 'f'])('not with a label "%s"', (value) => {
    expect(isRebasable(labelled(value))).toBe(false)
  })
})

describe('the final user', () => {
  test.each(['0', 'root', '0:5678', 'root:root'])('of a run image is not %s', (user) => {
    const last = labelled('true', user)
    expect(() => finishConfig('run', last, applied(last), 'extended')).toThrow(
      expect.objectContaining({
        exitCode: 102,
        message: 'the final user ID is 0 (root); please add another extension that resets the user to non-root',
      }),
    )
    expect(finishConfig('build', last, applied(last), 'extended')).toBe(last)
  })

  test('is told where it is not the first one, and root where it was in between', () => {
    const [base, root, last] = ['1000', '0', '2345:6789'].map((user) => labelled('true', user)) as [
      ImageConfig,
      ImageConfig,
      ImageConfig,
    ]
    expect(describeRoot({ path: '/run.Dockerfile', config: root }, base)).toBe(
      'Extension from /run.Dockerfile changed the user ID from 1000 to 0; this must not be the final user ID (a following extension must reset the user).',
    )
    expect(describeRoot({ path: '/run.Dockerfile', config: last }, root)).toBeUndefined()
    expect(describeFinalUser(base, last)).toBe(
      'The original user ID was 1000 but the final extension left the user ID set to 2345.',
    )
    expect(describeFinalUser(base, base)).toBeUndefined()
  })
})

describe('the history', () => {
  const two = { rootfs: { type: 'layers', diff_ids: [digest('a'), digest('b')] } }
  test.each([
    [
      'has no entries without layers',
      [{ created_by: 'a' }, { created_by: 'ENV', empty_layer: true }, { created_by: 'b' }],
      [{ created_by: 'a' }, { created_by: 'b' }],
    ],
    ['is blank where it is missing', undefined, [{}, {}]],
    ['is blank where it is too short', [{ created_by: 'a' }], [{}, {}]],
    ['is blank where it is too long', [{}, {}, { created_by: 'c' }], [{}, {}]],
    ['is blank where it is none', 'text', [{}, {}]],
  ])('%s', (_, history, expected) => {
    expect(normaliseHistory(config({}, { ...two, history }))).toEqual(expected)
  })
})

test('only what a Dockerfile says comes from the engine’s config', () => {
  const base = config(
    { User: '1', Env: ['A=1'], Hostname: 'x' },
    { author: 'base', created: '2020-01-01T00:00:00Z', variant: 'v2' },
  )
  const built = config(
    {
      User: '2',
      Env: ['A=1', 'B=2'],
      WorkingDir: '/',
      ArgsEscaped: true,
      Hostname: 'buildkitsandbox',
      Image: 'sha256:x',
      Volumes: null,
    },
    { created: '2026-01-01T00:00:00Z', container: 'x', docker_version: '20' },
  )
  expect(mergeConfig(base, built, [digest('a'), digest('b')], [{ created_by: 'a' }, { created_by: 'b' }])).toEqual({
    os: 'linux',
    architecture: 'amd64',
    variant: 'v2',
    author: 'base',
    created: '2020-01-01T00:00:00Z',
    config: { User: '2', Env: ['A=1', 'B=2'] },
    rootfs: { type: 'layers', diff_ids: [digest('a'), digest('b')] },
    history: [{ created_by: 'a' }, { created_by: 'b' }],
  })
})
