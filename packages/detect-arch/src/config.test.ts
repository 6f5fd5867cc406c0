// What polyarch.yaml may say, and each mistake at its line and column.
import { describe, expect, test } from 'vitest'
import { readConfig } from './config.ts'

const problemsOf = (text: string): string[] => {
  try {
    readConfig(text, 'polyarch.yaml')
  } catch (error) {
    return (error as Error).message.split('\n')
  }
  return []
}

/** A config with these lines as its one image. */
const imageConfig = (...lines: string[]): string =>
  `version: 1\nimages:\n  web:\n${lines.map((line) => `    ${line}`).join('\n')}`

describe('a polyarch.yaml', () => {
  test('gives images with the defaults filled in', () => {
    const { images, runners } = readConfig(
      `version: 1
defaults: { registry: ghcr.io/acme, platforms: [linux/amd64, linux/aarch64], build-args: { A: "1", B: "1" } }
runners: { linux/arm64: [self-hosted, arm64] }
images:
  web: { context: web, dockerfile: docker/Dockerfile, build-args: { B: "2" } }
  api:
`,
      'polyarch.yaml',
    )
    expect(images.map(({ id, repositories, platforms }) => [id, repositories, platforms])).toEqual([
      ['web', ['ghcr.io/acme/web'], ['linux/amd64', 'linux/arm64']],
      ['api', ['ghcr.io/acme/api'], ['linux/amd64', 'linux/arm64']],
    ])
    expect(images[0]?.build).toMatchObject({
      context: 'web',
      dockerfile: 'web/docker/Dockerfile',
      args: { A: '1', B: '2' },
    })
    expect(runners).toEqual({ 'linux/arm64': ['self-hosted', 'arm64'] })
  })

  test('with many mistakes names each with its line, its column and what would be right', () => {
    expect(
      problemsOf(`version: 1
defaults: { registry: ghcr.io/acme, platform: [linux/amd64] }
images:
  web:
    contxt: web
    tags: [1.20, ok, "a b"]
    platforms: [linux/amd46]
    needs: [apj]
  api: { needs: [db], platforms: linux/amd64 }
  db: { needs: [api], source: { url: x } }
  web: {}
  Bad: {}
`),
    ).toEqual([
      'polyarch.yaml:2:37: unknown key "platform": did you mean "platforms"?',
      'polyarch.yaml:9:17: needs go in a circle: api -> db -> api',
      'polyarch.yaml:9:34: expected auto or a list, found "linux/amd64": write [linux/amd64]',
      'polyarch.yaml:10:23: "ref" is missing',
      'polyarch.yaml:11:3: this key is given twice: keep one of them',
      'polyarch.yaml:12:3: "Bad" is not an image id: lower-case letters, digits and single . _ - between',
    ])
  })

  test.each([
    ['an unknown key', ['dockerfil: x'], '4:5: unknown key "dockerfil": did you mean "dockerfile"?'],
    [
      'a key of the predecessor',
      ['additional_tags: [x]'],
      '4:5: unknown key "additional_tags": known are context, dockerfile, target, repositories, platforms, tags, build-args, labels, annotations, engine, emulate, needs, watch, prebuilt, extend, source, allow',
    ],
    ['an underscore for a hyphen', ['build_args: {}'], '4:5: unknown key "build_args": did you mean "build-args"?'],
    [
      'a number where a tag is meant',
      ['tags: [1.10]'],
      '4:12: expected text, found a number (1.1): write "1.10" in quotes',
    ],
    [
      'a boolean where text is meant',
      ['labels: { a: true }'],
      '4:18: expected text, found true or false (true): write "true" in quotes',
    ],
    [
      'an unknown platform',
      ['platforms: [linux/amd46]'],
      '4:17: unknown platform "linux/amd46": did you mean linux/amd64?',
    ],
    ['an unknown engine', ['engine: docker'], '4:13: expected auto, kaniko, buildah, buildkit; found "docker"'],
    ['a bad tag', ['tags: ["-x"]'], '4:12: "-x" is not a tag: letters, digits, _ . - and at most 128 characters'],
    ['a bad template', ['tags: ["{{vresion}}"]'], '4:12: {{vresion}} is not known: did you mean "version"?'],
    ['a tag listed twice', ['tags: [a, a]'], '4:15: the tag "a" is listed twice'],
    ['an unknown need', ['needs: [wbe]'], '4:13: there is no image "wbe": did you mean "web"?'],
    ['an image that needs itself', ['needs: [web]'], '4:13: web needs itself'],
    [
      'a repository with a tag',
      ['repositories: ["ghcr.io/a/b:1"]'],
      '4:20: invalid store "ghcr.io/a/b:1": expected a repository without tag or digest',
    ],
    [
      'a prebuilt image that names no content',
      ['prebuilt: { linux/s390x: ghcr.io/a/b }'],
      '4:30: "ghcr.io/a/b" names no content: add :TAG or @DIGEST',
    ],
    [
      'a prebuilt platform by two of its names',
      ['prebuilt:', '  windows/amd64: oci:a:1', '  windows/x86_64: oci:b:1'],
      '6:7: "windows/x86_64" is "windows/amd64" again: name it once',
    ],
    ['half a source', ['source: { url: https://example.com/x.git }'], '4:5: "ref" is missing'],
    ['an empty list', ['repositories: []'], '4:19: must not be empty'],
    ['a text for an image', ['- x'], '4:5: expected a mapping of keys to values, found a list'],
    [
      'an unknown finding',
      ['allow: [{ finding: copy-exlude, reason: x }]'],
      '4:24: there is no finding "copy-exlude": did you mean "copy-exclude"?',
    ],
    ['an extension of nothing', ['extend: { layers: layers }'], '4:5: "kind" is missing: expected run, build'],
    [
      'a placeholder that there is not',
      ['extend: { kind: run, layers: "layers/{{arch}}" }'],
      '4:34: "{{arch}}" is no placeholder: only {{platform}} is',
    ],
    [
      'the layers of somebody else',
      ['extend: { kind: run, layers: web/../../layers }'],
      '4:34: "web/../../layers" is outside the workspace: name a directory below it, or an absolute one',
    ],
    [
      'an extension and a Dockerfile',
      ['extend: { kind: run, layers: layers }', 'dockerfile: Dockerfile'],
      '5:5: dockerfile says how a Dockerfile is built, and extend that there is none: its extensions generate theirs',
    ],
    [
      'an extension for whatever its base image has',
      ['extend: { kind: build, layers: /layers }', 'platforms: auto'],
      '5:16: nobody knows yet which image is extended, and so not its platforms: list them',
    ],
    ['a prototype', ['__proto__: { polluted: 1 }'], '4:5: a key cannot be called __proto__'],
  ])('with %s says where and what', (_what, lines, message) => {
    expect(problemsOf(imageConfig(...lines))).toEqual([`polyarch.yaml:${message}`])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  test('where two images move the same tag of the same repository is refused', () => {
    expect(
      problemsOf(`version: 1
images:
  web: { repositories: [ghcr.io/acme/app], tags: [latest] }
  api: { repositories: [ghcr.io/acme/app], tags: ["1", latest] }`),
    ).toEqual([
      'polyarch.yaml:4:56: ghcr.io/acme/app:latest is image web’s too (polyarch.yaml:3:51): give one of them another tag or repository',
    ])
  })

  test('may use anchors and merge keys, and still points at the line that is wrong', () => {
    const text = (tag: string) => `version: 1
images:
  web: &web
    platforms: [linux/amd64]
    tags: [${tag}]
  api:
    <<: *web
    context: api`
    const { images } = readConfig(text('x'), 'polyarch.yaml')
    expect(images[1]).toMatchObject({ platforms: ['linux/amd64'], tags: ['x'], build: { context: 'api' } })
    expect(problemsOf(text('"?"'))).toEqual([
      'polyarch.yaml:5:12: "?" is not a tag: letters, digits, _ . - and at most 128 characters',
    ])
  })

  test('may have keys of its own that begin with x-, to keep anchors in', () => {
    const { images } = readConfig(
      'version: 1\nx-common: &common { tags: [a] }\nimages:\n  web: { <<: *common, x-owner: me }\n',
      'polyarch.yaml',
    )
    expect(images[0]?.tags).toEqual(['a'])
  })

  test('that explodes when its aliases are followed is refused', () => {
    const laughs = Array.from(
      { length: 12 },
      (_, n) => `  l${n + 1}: &l${n + 1} [${Array(9).fill(`*l${n}`).join(', ')}]`,
    )
    const [problem] = problemsOf(`version: 1\nx:\n  l0: &l0 [ha]\n${laughs.join('\n')}\nimages: {}`)
    expect(problem).toContain('Excessive alias count')
  })

  test.each([
    ['that is nested without end', '['.repeat(200_000)],
    ['that is no YAML', 'version: 1\nimages: {'],
    ['that is a list', '- 1'],
    ['that is empty', ''],
    ['of another version', 'version: 2\nimages: {}'],
  ])('%s is a problem of its file, not a crash', (_what, text) => {
    expect(problemsOf(text)[0]).toMatch(/^polyarch\.yaml:\d+:\d+: /)
  })

  test('with only prebuilt platforms builds nothing', () => {
    const digest = `sha256:${'0'.repeat(64)}`
    const { images } = readConfig(imageConfig(`prebuilt: { linux/s390x: "ghcr.io/a/b@${digest}" }`), 'polyarch.yaml')
    expect(images[0]).toMatchObject({
      build: null,
      platforms: [],
      prebuilt: { 'linux/s390x': `ghcr.io/a/b@${digest}` },
    })
  })
})
