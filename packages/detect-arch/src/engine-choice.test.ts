// The engine that auto chooses for a Dockerfile.
import type { RawInputs } from '@polyarch/ci-host'
import { lacks, partPath } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { temporaryWorkspace } from './fixtures/workspace.ts'
import { step } from './step.ts'

/** The engines of an image's legs, and what is said of them. */
const planOf = async (dockerfile: string, keys = '', flags: RawInputs = {}, defaults = '') => {
  await using workspace = await temporaryWorkspace({
    'polyarch.yaml': `version: 1
defaults: { platforms: [linux/amd64, linux/arm64]${defaults} }
runners: { linux/amd64: x64, linux/arm64: arm }
images:
  web: { context: web${keys} }
`,
    'web/Dockerfile': dockerfile,
  })
  const outputs = await workspace.detect(flags, { PATH: process.env['PATH'] ?? '' })
  const { plan, log } = outputs
  return { engines: plan.legs.map(({ engine }) => engine), log, report: step.report?.(outputs) ?? '' }
}

const mountFrom = 'FROM scratch AS tool\nFROM scratch\nRUN --mount=from=tool x\n'
const heredoc = 'FROM scratch\nRUN --mount=type=ssh <<EOF\nx\nEOF\n'

describe('engine auto', () => {
  test.each([
    ['kaniko, where it builds it right', 'FROM scratch\nCOPY x y\n', 'kaniko', 'engine kaniko builds it right'],
    [
      'buildah, where kaniko does not',
      mountFrom,
      'buildah',
      'engine buildah, since kaniko does not build web/Dockerfile:3 (RUN --mount=from) right',
    ],
    [
      'BuildKit, where nothing else does',
      heredoc,
      'buildkit',
      'engine buildkit, since kaniko does not build web/Dockerfile:2 (RUN --mount=type=ssh) right',
    ],
  ])('is %s', async (_what, dockerfile, engine, why) => {
    const { engines, log } = await planOf(dockerfile)
    expect(engines).toEqual([engine, engine])
    expect(log).toContain(why)
  })

  test('is the mildest, where none builds it right', async () => {
    const dockerfile = `FROM scratch\nRUN --security=insecure x\n`
    const { engines, log } = await planOf(dockerfile)
    expect(engines).toEqual(['buildkit', 'buildkit'])
    expect(log).toContain('engine buildkit, though none builds web/Dockerfile:2 (RUN --security) right')
  })

  test('counts only what the target reaches', async () => {
    const dockerfile = `FROM scratch AS plain\nCOPY x y\n${mountFrom}`
    expect((await planOf(dockerfile, ', target: plain')).engines).toEqual(['kaniko', 'kaniko'])
  })

  test('does not count what is allowed', async () => {
    const { engines } = await planOf(mountFrom, ', allow: [{ finding: mount-from, reason: it has a fallback }]')
    expect(engines).toEqual(['kaniko', 'kaniko'])
  })

  test('judges each platform on the machine that builds it', async () => {
    const dockerfile = 'FROM --platform=linux/amd64 scratch AS tool\nFROM scratch\nCOPY --from=tool x y\n'
    expect((await planOf(dockerfile)).engines).toEqual(['kaniko', 'buildah'])
    const native = 'FROM --platform=$BUILDPLATFORM scratch AS tool\nFROM scratch\nCOPY --from=tool x y\n'
    expect((await planOf(native)).engines).toEqual(['kaniko', 'kaniko'])
  })
})

describe('what auto chooses from', () => {
  const plain = 'FROM scratch\nCOPY x y\n'

  test('is the config’s list, the best first', async () => {
    const { engines, log } = await planOf(plain, '', {}, ', engines: [buildah, kaniko]')
    expect(engines).toEqual(['buildah', 'buildah'])
    expect(log).toContain('engine buildah builds it right')
    expect((await planOf(heredoc, '', {}, ', engines: [kaniko, buildah]')).engines).toEqual(['kaniko', 'kaniko'])
  })

  test('is the input’s list before the config’s', async () => {
    const { engines } = await planOf(plain, '', { engines: 'buildkit' }, ', engines: [buildah]')
    expect(engines).toEqual(['buildkit', 'buildkit'])
    await expect(planOf(plain, '', { engines: 'docker' })).rejects.toThrow(
      'input engines: expected kaniko, buildah, buildkit; found "docker"',
    )
  })

  test('is kaniko as its image is: what an older one builds wrong is for another engine', async () => {
    const copyMode = 'FROM scratch\nCOPY <<EOF /x\ny\nEOF\n'
    const image = (tag: string) => ({ 'kaniko-image': `gcr.io/kaniko-project/executor:${tag}` })
    expect((await planOf(copyMode)).engines).toEqual(['kaniko', 'kaniko'])
    expect((await planOf(copyMode, '', image('v1.24.0'))).engines).toEqual(['buildkit', 'buildkit'])
  })

  test.skipIf(lacks('kaniko-1.25.15', process.getuid?.() === 0 ? 'root' : 'user-namespaces'))(
    'is the executor that is given, which is asked for its version',
    async () => {
      const { engines, log } = await planOf('FROM scratch\nRUN <<EOF\nx\nEOF\n', '', {
        executor: partPath('kaniko-1.25.15'),
        emulate: 'allow',
      })
      expect(engines).toEqual(['buildkit', 'buildkit'])
      expect(log).toContain('since kaniko does not build web/Dockerfile:2 (a heredoc in RUN) right')
    },
  )
})

test('the summary says why, for every leg', async () => {
  const { report } = await planOf(mountFrom)
  for (const platform of ['linux/amd64', 'linux/arm64'])
    expect(report).toMatch(
      new RegExp(`\\| ${platform} \\| buildah \\| .*engine buildah, since kaniko does not build web/Dockerfile:3`),
    )
})

test('an engine that is asked for is taken, whatever it makes of the Dockerfile', async () => {
  const { engines } = await planOf(mountFrom, ', engine: kaniko')
  expect(engines).toEqual(['kaniko', 'kaniko'])
})
