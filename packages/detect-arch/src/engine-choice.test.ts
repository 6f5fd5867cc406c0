import { describe, expect, test } from 'vitest'
import { temporaryWorkspace } from './fixtures/workspace.ts'

/** The engines of an image's legs, and what is said of them. */
const planOf = async (dockerfile: string, keys = '') => {
  await using workspace = await temporaryWorkspace({
    'polyarch.yaml': `version: 1
defaults: { platforms: [linux/amd64, linux/arm64] }
runners: { linux/amd64: x64, linux/arm64: arm }
images:
  web: { context: web${keys} }
`,
    'web/Dockerfile': dockerfile,
  })
  const { plan, log } = await workspace.detect({}, {})
  return { engines: plan.legs.map(({ engine }) => engine), log }
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

test('an engine that is asked for is taken, whatever it makes of the Dockerfile', async () => {
  const { engines } = await planOf(mountFrom, ', engine: kaniko')
  expect(engines).toEqual(['kaniko', 'kaniko'])
})
