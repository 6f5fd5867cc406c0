// What build-config.yaml may say, and each mistake at its line and column.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is what somebody wrote in YAML
import { describe, expect, test } from 'vitest'
import { readBuildConfig } from './build-config.ts'
import { formatPlace } from './problem.ts'

const read = (text: string, file = 'curl/build-config.yaml') => readBuildConfig(text, file, 'Shop')

const problemsOf = (text: string): string[] =>
  read(text).problems.map(({ place, message }) => `${formatPlace(place)}: ${message}`)

const local = `use_local_context: true
dockerfile_path: Dockerfile
`

describe('build-config.yaml: one of them', () => {
  test('asks for one image, named after its directory, with all that it says', () => {
    const { images, problems } = read(`# An image of its own
use_local_context: true
dockerfile_path: docker/Dockerfile
context_path: src
target: release
build_args:
  - VERSION=1.0=x
  - FROM_ENV
platforms:
  - linux/amd64
  - linux/arm64
additional_tags:
  - v1
  - latest
`)
    expect(problems).toEqual([])
    expect(images).toMatchObject([
      {
        id: 'curl',
        build: {
          context: 'curl/src',
          dockerfile: 'curl/docker/Dockerfile',
          target: 'release',
          args: { VERSION: '1.0=x', FROM_ENV: null },
          source: null,
        },
        platforms: ['linux/amd64', 'linux/arm64'],
        tags: ['{{date}}', 'v1', 'latest'],
      },
    ])
  })

  test('may lie in nested directories, or at the root', () => {
    const text = `${local}platforms: [linux/amd64]`
    expect(read(text, 'examples/x/build-config.yaml').images[0]).toMatchObject({
      id: 'examples-x',
      build: { context: 'examples/x' },
    })
    expect(read(text, 'build-config.yaml').images[0]).toMatchObject({
      id: 'shop',
      build: { context: '.', dockerfile: 'Dockerfile' },
    })
  })

  test('may build another repository, whose ref is in the day’s tag', () => {
    const { images } = read(`upstream_repo: https://example.com/x.git
upstream_ref: release/v1.2
dockerfile_path: deploy/Dockerfile
platforms: [linux/amd64]`)
    expect(images[0]).toMatchObject({
      build: {
        context: '.',
        dockerfile: 'deploy/Dockerfile',
        source: { url: 'https://example.com/x.git', ref: 'release/v1.2' },
      },
      tags: ['{{date}}-release-v1-2'],
    })
  })

  test('several targets (#3): may ask for several targets, an image each', () => {
    const { images } = read(`${local}platforms: [linux/amd64]
additional_tags: [latest]
targets:
  - { name: debug, target: kaniko-debug, additional_tags: [v1] }
  - { name: slim, target: kaniko-slim }`)
    expect(images.map(({ id, build, tags }) => [id, build?.target, tags])).toEqual([
      ['curl-debug', 'kaniko-debug', ['{{date}}', 'v1']],
      ['curl-slim', 'kaniko-slim', ['{{date}}', 'latest']],
    ])
  })

  test('may name images that were built by hand, by whole references', () => {
    const { images, problems } = read(
      `manual_build: true
manual_images:
  amd64: registry.example.com/kaniko/executor:v1.25.3-debug-amd64
  arm64/v8: registry.example.com/kaniko/executor:v1.25.3-debug-arm64
platforms: [linux/amd64, linux/arm64]`.replace('arm64/v8', 'linux/arm64/v8'),
    )
    expect(problems).toEqual([])
    expect(images[0]).toMatchObject({
      build: null,
      platforms: [],
      prebuilt: {
        'linux/amd64': 'registry.example.com/kaniko/executor:v1.25.3-debug-amd64',
        'linux/arm64': 'registry.example.com/kaniko/executor:v1.25.3-debug-arm64',
      },
    })
  })

  test('for ko is read, and skipped with what would do instead', () => {
    const { images, problems, skipped } = read(`build_backend: ko
ko_config:
  import_path: ./cmd/server
  base_image: example.com/static:latest
  platforms: [linux/amd64, linux/arm64]
  env: [CGO_ENABLED=0]
  ldflags: ["-s", "-X main.version=v1"]
  working_dir: /app
context_path: .
build_args: []
additional_tags: [latest]`)
    expect([images, problems]).toEqual([[], []])
    expect(skipped.get('curl')).toContain('give it a Dockerfile')
  })
})

describe('build-config.yaml: a mistake is told with its place:', () => {
  test.each<[string, string, string[]]>([
    [
      'both sources',
      `${local}upstream_repo: https://x/y\nupstream_ref: v1\nplatforms: [linux/amd64]`,
      ['1:1: use_local_context and upstream_repo exclude each other: keep one of them'],
    ],
    [
      'a manual image by two names of its architecture',
      'manual_build: true\nmanual_images: { amd64: "oci:a:1", x86_64: "oci:b:1" }',
      ['2:36: "x86_64" is "amd64" again: name it once'],
    ],
    [
      'neither source',
      'dockerfile_path: Dockerfile\nplatforms: [linux/amd64]',
      ['1:1: neither use_local_context: true nor upstream_repo and upstream_ref: one of them has to say what is built'],
    ],
    [
      'half a source',
      'upstream_repo: https://x/y\ndockerfile_path: D\nplatforms: [linux/amd64]',
      ['1:1: upstream_repo and upstream_ref belong together: the other one is missing'],
    ],
    ['no Dockerfile', 'use_local_context: true\nplatforms: [linux/amd64]', ['1:1: "dockerfile_path" is missing']],
    ['no platforms', local, ['1:1: "platforms" is missing']],
    [
      'an unknown key',
      `${local}platforms: [linux/amd64]\nplatform: x`,
      ['4:1: unknown key "platform": did you mean "platforms"?'],
    ],
    [
      'an argument with a variable',
      `${local}platforms: [linux/amd64]\nbuild_args: ["R=\${ECR}"]`,
      ['4:14: "R=${ECR}": variables are not filled in; write "R" for the environment’s value'],
    ],
    [
      'manual_build without images',
      'manual_build: true',
      ['1:1: manual_build needs manual_images: architecture to reference'],
    ],
    [
      'manual_images without manual_build',
      `${local}platforms: [linux/amd64]\nmanual_images: { amd64: x.io/a:b }`,
      ['4:1: manual_images counts only with manual_build: true'],
    ],
    [
      'an architecture that nobody built',
      'manual_build: true\nmanual_images: { amd64: x.io/a:b }\nplatforms: [linux/amd64, linux/arm64]',
      ['2:1: manual_images has none for linux/arm64, which platforms lists'],
    ],
    [
      'two targets of one name',
      `${local}platforms: [linux/amd64]\ntargets: [{ name: a }, { name: a }]`,
      ['4:24: there are two targets "a"'],
    ],
    [
      'target and targets',
      `${local}platforms: [linux/amd64]\ntarget: x\ntargets: [{ name: a }]`,
      ['4:1: target and targets exclude each other: keep one of them'],
    ],
    [
      'several at once',
      'use_local_context: yes\nplatforms: [linux/amd46]\nbuild_arg: []',
      [
        '1:20: expected true or false, found "yes"',
        '2:13: unknown platform "linux/amd46": did you mean linux/amd64?',
        '3:1: unknown key "build_arg": did you mean "build_args"?',
      ],
    ],
  ])('%s', (_what, text, expected) => {
    expect(problemsOf(text).toSorted()).toEqual(expected.map((line) => `curl/build-config.yaml:${line}`))
  })

  test('a directory whose name cannot be an image’s', () => {
    expect(read(`${local}platforms: [linux/amd64]`, 'My_App/build-config.yaml').problems[0]?.message).toContain(
      '"My_App"',
    )
  })
})
