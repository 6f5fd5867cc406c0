// The command lines of BuildKit's clients, buildkitd's configuration, and what is read from its progress.
import { type BuildRequest, explainFailure } from '@polyarch/engine'
import { parsePlatform } from '@polyarch/oci'
import { describe, expect, test } from 'vitest'
import { manner } from './build-failure.ts'
import { type BuildOptions, planBuildctl, planBuildx } from './command-line.ts'
import { formatDaemonConfig } from './configuration.ts'
import { createProgress } from './progress.ts'

const request: BuildRequest = {
  name: 'web',
  platform: parsePlatform('linux/arm64'),
  buildPlatform: parsePlatform('linux/amd64'),
  context: '/workspace/a, b',
  dockerfile: '/workspace/Dockerfile',
  dockerfileText: 'FROM scratch\n',
  target: 'release',
  args: { A: 'b, c', BUILDPLATFORM: 'linux/amd64', TARGETARCH: 'mine' },
  labels: { 'org.example.a': 'x' },
  annotations: { 'org.example.note': 'y, "z"' },
  secrets: [{ id: 'token', value: Buffer.from('hunter2') }],
  cacheRepository: { host: '127.0.0.1:5000', name: 'cache/linux-arm64' },
  sourceDateEpoch: 7,
  mediaType: 'auto',
  timeoutSeconds: undefined,
  mounts: [],
  engineArgs: ['--no-cache'],
  allowances: [],
  layout: '/workspace/out',
}
const options: BuildOptions = {
  output: '/workspace/a, b/.out',
  ssh: ['default'],
  provenance: 'max',
  sbom: true,
  insecure: ['127.0.0.1:5000'],
}

const output =
  '--output=type=oci,"dest=/workspace/a, b/.out",tar=false,oci-mediatypes=true,rewrite-timestamp=true,"annotation.org.example.note=y, ""z"""'

test('buildctl: every value attached to its flag, commas quoted, secrets by file', () => {
  const args = planBuildctl(request, options)
  expect(args).toEqual(
    expect.arrayContaining([
      '--local=context=/workspace/a, b',
      '--opt=platform=linux/arm64',
      '--opt=target=release',
      '--opt=build-arg:A=b, c',
      '--opt=build-arg:SOURCE_DATE_EPOCH=7',
      '--opt=attest:provenance=mode=max',
      '--opt=attest:sbom=',
      '--secret=id=token,src=staging/secrets/token',
      '--import-cache=type=registry,ref=127.0.0.1:5000/cache/linux-arm64:buildkit,registry.insecure=true',
      output,
      '--no-cache',
    ]),
  )
  expect(args.join(' ')).not.toContain('hunter2')
})

test('platform arguments are left to BuildKit, unless the user says otherwise', () => {
  const args = planBuildctl(request, options).join('\n')
  expect(args).not.toContain('BUILDPLATFORM')
  expect(args).toContain('build-arg:TARGETARCH=mine')
})

test('attestations are off unless they are asked for', () => {
  const plain = { ...options, provenance: 'off', sbom: false } as const
  expect(planBuildctl(request, plain).join(' ')).not.toContain('attest')
  expect(planBuildx('b', request, plain)).toEqual(expect.arrayContaining(['--provenance=false', '--sbom=false']))
})

test('buildx: the same in its own words, the context last', () => {
  const args = planBuildx('there', request, options)
  expect(args).toEqual(
    expect.arrayContaining(['--builder=there', '--build-arg=A=b, c', '--provenance=mode=max', output]),
  )
  expect(args.at(-1)).toBe('/workspace/a, b')
})

test('buildkitd is told mirrors, insecure hosts and its own places', () => {
  const settings = {
    state: '/work/"state"',
    telemetrySocket: '/work/run/otel.sock',
    devices: undefined,
    keepsState: false,
  }
  const access = { insecure: ['127.0.0.1:5000'], mirrors: { 'docker.io': ['127.0.0.1:5000/hub'] } }
  expect(formatDaemonConfig(settings, access)).toBe(`root = "/work/\\"state\\""
[otel]
socketPath = "/work/run/otel.sock"
[worker.containerd]
enabled = false
[worker.oci]
enabled = true
gc = false
networkMode = "host"
[registry."127.0.0.1:5000"]
http = true
insecure = true

[registry."docker.io"]
mirrors = ["127.0.0.1:5000/hub"]
`)
})

describe('progress', () => {
  const listen = (...lines: readonly string[]) => {
    const told: string[] = []
    const tell = (level: string) => (message: string) => void told.push(`${level} ${message}`)
    const progress = createProgress(
      {
        debug: tell('debug'),
        info: tell('info'),
        warning: (message, place) => void told.push(`warning ${place?.file}:${place?.line} ${message}`),
        error: tell('error'),
        group: (_, work) => work(),
      },
      'web/Dockerfile',
    )
    for (const line of lines) progress.add(line)
    return { told, progress }
  }

  test('warnings name their line, cached steps are counted', () => {
    const { told, progress } = listen(
      '#4 [1/2] FROM a',
      '#4 CACHED',
      '#5 [release 2/2] RUN x',
      '#5 CACHED',
      '',
      ' - JSONArgsRecommended: write JSON (line 3)',
    )
    expect(told.slice(3)).toEqual(['info #5 CACHED', 'warning web/Dockerfile:3 JSONArgsRecommended: write JSON'])
    expect(progress.instructions.cached).toEqual(['RUN x'])
  })

  test('instructions take as long as BuildKit says, and a layer that is pulled is a cache’s', () => {
    const { progress } = listen(
      '#3 [linux/amd64 stage-1 2/6] RUN make',
      '#3 0.311 CACHED',
      '#4 [tool 2/2] RUN <<END (first...)',
      '#3 DONE 12.4s',
      '#4 DONE 3.0s',
      '#5 [stage-1 3/6] COPY a /',
      '#5 sha256:480ab18536acf2941dba5b15501a53293dfaa2168f0e8688f216028a3ec2ac1a 105B / 105B done',
      '#5 DONE 0.1s',
      '#5 [stage-1 3/6] COPY a /',
      '#5 extracting sha256:480ab18536acf2941dba5b15501a53293dfaa2168f0e8688f216028a3ec2ac1a 0.0s done',
      '#5 DONE 0.1s',
      '#6 [other 2/2] RUN <<END (other...)',
      '#6 CACHED',
      '#7 exporting cache to registry',
      '#7 DONE 9.0s',
    )
    expect([...progress.instructions.ran]).toEqual([['RUN make', 12.4]])
    expect(progress.instructions.cached).toEqual(['COPY a /', undefined])
  })

  test.each([
    ['failed to solve: process "/bin/sh -c x" did not complete successfully: exit code: 1', 'build', /401 nope\)$/],
    ['failed to solve: a/b:1: failed to resolve source metadata for a/b:1: not found', 'registry', /not found$/],
    ['failed to solve: unexpected status from HEAD request to http://a/v2/: 401 Unauthorized', 'denied', /401/],
    ['failed to solve: failed to compute cache key: "/nothing": not found', 'build', /not found$/],
  ])('%s', (error, kind, message) => {
    const { progress } = listen('#6 0.123 401 nope', `error: ${error}`)
    const failure = explainFailure('web', manner, { code: 1, reason: 'failed', peakMemory: undefined }, progress)
    expect(failure.kind).toBe(kind)
    expect(failure.message).toMatch(message)
  })
})
