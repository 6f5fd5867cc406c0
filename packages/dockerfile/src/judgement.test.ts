// Verdicts by engine, lineage and version, and what holds for all tables.
import { describe, expect, test } from 'vitest'
import { type Feature, type Finding, features } from './feature.ts'
import { judge } from './judgement.ts'
import { type KanikoLineage, kanikoLineageOf, kanikoLineageOfVersion, kanikoLineages } from './kaniko-verdicts.ts'
import { compareVersions, type Verdict } from './verdict-table.ts'

const finding = (feature: Feature): Finding => ({ feature, line: 3, detail: 'x' })

const verdictOf = (feature: Feature, version: string, lineage?: KanikoLineage): Verdict =>
  judge([finding(feature)], { engine: 'kaniko', version, lineage }).verdict

describe('kaniko’s verdict on', () => {
  test.each<[Feature, Verdict, Verdict, Verdict, Verdict, Verdict]>([
    // feature, 1.12.1, 1.24.0, chainguard 1.25.15, fork 1.26.0, fork 1.28.3
    ['mount-from', 'refuse', 'refuse', 'refuse', 'refuse', 'refuse'],
    ['mount-bind', 'refuse', 'refuse', 'refuse', 'refuse', 'ok'],
    ['mount-cache', 'refuse', 'refuse', 'refuse', 'ok', 'ok'],
    ['mount-secret', 'refuse', 'refuse', 'refuse', 'refuse', 'ok'],
    ['mount-ssh', 'refuse', 'refuse', 'refuse', 'refuse', 'refuse'],
    ['mount-tmpfs', 'refuse', 'refuse', 'refuse', 'refuse', 'refuse'],
    ['run-network', 'refuse', 'refuse', 'refuse', 'refuse', 'refuse'],
    ['run-device', 'refuse', 'refuse', 'refuse', 'refuse', 'refuse'],
    ['run-security', 'refuse', 'refuse', 'refuse', 'refuse', 'refuse'],
    ['heredoc-run', 'refuse', 'refuse', 'refuse', 'ok', 'ok'],
    ['heredoc-shebang', 'refuse', 'refuse', 'refuse', 'refuse', 'refuse'],
    ['heredoc-copy', 'refuse', 'refuse', 'refuse', 'ok', 'ok'],
    ['heredoc-copy-variables', 'refuse', 'refuse', 'refuse', 'refuse', 'ok'],
    ['heredoc-exec-form', 'refuse', 'refuse', 'refuse', 'refuse', 'refuse'],
    ['copy-link', 'ok', 'ok', 'ok', 'ok', 'ok'],
    ['copy-chmod', 'refuse', 'ok', 'ok', 'ok', 'ok'],
    ['copy-chmod-symbolic', 'refuse', 'refuse', 'refuse', 'refuse', 'ok'],
    ['add-chmod-special', 'refuse', 'refuse', 'refuse', 'refuse', 'refuse'],
    ['copy-parents', 'refuse', 'refuse', 'refuse', 'refuse', 'refuse'],
    ['copy-exclude', 'refuse', 'refuse', 'refuse', 'refuse', 'refuse'],
    ['add-checksum', 'refuse', 'refuse', 'refuse', 'refuse', 'refuse'],
    ['add-unpack', 'refuse', 'refuse', 'refuse', 'refuse', 'refuse'],
    ['add-git', 'refuse', 'refuse', 'refuse', 'refuse', 'refuse'],
    ['from-platform', 'refuse', 'refuse', 'refuse', 'refuse', 'refuse'],
    ['base-single-platform', 'refuse', 'refuse', 'refuse', 'refuse', 'refuse'],
    ['base-platform-missing', 'refuse', 'refuse', 'refuse', 'refuse', 'refuse'],
    ['platform-args', 'ok', 'ok', 'ok', 'ok', 'ok'],
    ['platform-args-global', 'ok', 'ok', 'ok', 'ok', 'ok'],
    ['syntax-frontend', 'refuse', 'refuse', 'refuse', 'refuse', 'refuse'],
    ['check-error', 'warn', 'warn', 'warn', 'warn', 'warn'],
    ['onbuild', 'ok', 'ok', 'ok', 'refuse', 'ok'],
    ['base-onbuild', 'ok', 'ok', 'ok', 'refuse', 'ok'],
    ['healthcheck-start-interval', 'refuse', 'warn', 'warn', 'warn', 'warn'],
    ['copy-to-kaniko', 'ok', 'ok', 'ok', 'ok', 'refuse'],
    ['copy-user', 'ok', 'ok', 'ok', 'ok', 'ok'],
    ['unused-stage', 'ok', 'ok', 'ok', 'ok', 'ok'],
  ])('%s', (feature, ...expected) => {
    expect([
      verdictOf(feature, '1.12.1'),
      verdictOf(feature, '1.24.0'),
      verdictOf(feature, '1.25.15', 'chainguard'),
      verdictOf(feature, '1.26.0'),
      verdictOf(feature, 'v1.28.3'),
    ]).toEqual(expected)
  })

  test('every feature is in every lineage’s table', () => {
    for (const [lineage, { table }] of Object.entries(kanikoLineages))
      expect(Object.keys(table).sort(), lineage).toEqual(Object.keys(features).sort())
  })

  test('entries are in the order of their versions', () => {
    for (const { table } of Object.values(kanikoLineages))
      for (const entries of Object.values(table)) {
        expect(entries[0]?.since).toBe('0')
        expect(entries.map(({ since }) => since)).toEqual(entries.map(({ since }) => since).toSorted(compareVersions))
      }
  })
})

describe('a judgement', () => {
  test('says the line, what happens with which version, and what would do instead', () => {
    const { findings, verdict } = judge([finding('copy-exclude')], { engine: 'kaniko', version: '1.28.3' })
    expect(verdict).toBe('refuse')
    expect(findings[0]).toMatchObject({
      line: 3,
      message: 'COPY --exclude (x): with kaniko 1.28.3, silently: what is excluded is copied',
      alternative: 'a .dockerignore, or engine buildkit',
    })
  })

  test('names what the adapter has to set', () => {
    const { verdict, env } = judge([finding('heredoc-copy-variables'), finding('copy-user')], {
      engine: 'kaniko',
      version: '1.28.3',
    })
    expect(verdict).toBe('ok')
    expect(env).toEqual({ FF_KANIKO_EXPAND_HEREDOC: 'true', FF_KANIKO_COPY_AS_ROOT: 'true' })
  })

  test('is a warning where somebody says that it is fine, with the reason', () => {
    const allowances = [{ finding: 'copy-exclude', reason: 'nothing secret there' }]
    const { verdict, findings } = judge([finding('copy-exclude')], { engine: 'kaniko', version: '1.28.3' }, allowances)
    expect(verdict).toBe('warn')
    expect(findings[0]?.message).toContain('allowed: nothing secret there')
    expect(judge([finding('add-git')], { engine: 'kaniko', version: '1.28.3' }, allowances).verdict).toBe('refuse')
  })

  test('of a newer version takes the newest table and says so', () => {
    const { verdict, notes } = judge([finding('mount-from')], { engine: 'kaniko', version: '1.99.0' })
    expect(verdict).toBe('refuse')
    expect(notes).toEqual([
      'kaniko 1.99.0 is newer than 1.28.3, the newest version that was measured: judged as that one',
    ])
  })

  test.each<[string | undefined, KanikoLineage | undefined, Verdict]>([
    ['unset', 'chainguard', 'refuse'],
    ['unset', 'fork', 'ok'],
    [undefined, undefined, 'ok'],
    ['1.25.15', 'chainguard', 'refuse'],
    ['1.25.15', 'fork', 'ok'],
  ])('of version %s and lineage %s', (version, lineage, expected) => {
    expect(judge([finding('heredoc-run')], { engine: 'kaniko', version, lineage }).verdict).toBe(expected)
  })

  test('of a newer buildah takes the measured one and says so', () => {
    const { verdict, notes } = judge([finding('heredoc-run')], { engine: 'buildah', version: '1.40.0' })
    expect(verdict).toBe('refuse')
    expect(notes).toEqual([
      'buildah 1.40.0 is newer than 1.28.2, the newest version that was measured: judged as that one',
    ])
    expect(judge([finding('mount-from')], { engine: 'buildah', version: '1.28.2' })).toMatchObject({
      verdict: 'ok',
      notes: [],
    })
  })

  test('of BuildKit refuses only what nothing can build', () => {
    const refused = (Object.keys(features) as Feature[]).filter(
      (feature) => judge([finding(feature)], { engine: 'buildkit' }).verdict === 'refuse',
    )
    expect(refused).toEqual(['base-platform-missing', 'base-single-platform', 'heredoc-exec-form'])
  })
})

test.each<[string[], KanikoLineage]>([
  [['context', 'force'], 'upstream'],
  [['context', 'annotation'], 'chainguard'],
  [['context', 'annotation', 'credential-helpers'], 'fork'],
  [['context', 'annotation', 'secret'], 'fork'],
])('an executor with the flags %j is of the lineage %s', (flags, lineage) => {
  expect(kanikoLineageOf(new Set(flags))).toBe(lineage)
})

test.each([
  ['1.9.0', 'upstream'],
  ['1.12.1', 'upstream'],
  ['1.24.0', 'upstream'],
  ['1.24.3', 'fork'],
  ['1.25.0', 'fork'],
  ['1.28.3', 'fork'],
])('version %s is of the lineage %s', (version, lineage) => {
  expect(kanikoLineageOfVersion(version)).toBe(lineage)
})
