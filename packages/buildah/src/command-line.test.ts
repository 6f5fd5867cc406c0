// buildah's command lines, and what it reads instead of this machine's configuration.
import { type BuildRequest, explainFailure, findReason } from '@polyarch/engine'
import { parsePlatform } from '@polyarch/oci'
import { describe, expect, test } from 'vitest'
import { planBuild, planEnvironment, planExport } from './command-line.ts'
import { formatRegistries } from './configuration.ts'
import { manner } from './engine-failure.ts'
import { createEngineLog } from './engine-log.ts'

const request: BuildRequest = {
  name: 'web',
  platform: parsePlatform('linux/arm/v7'),
  buildPlatform: parsePlatform('linux/amd64'),
  context: '/workspace/web',
  dockerfile: '/workspace/web/Dockerfile',
  dockerfileText: 'FROM scratch\n',
  target: 'release',
  args: { A: 'b=c' },
  labels: { 'org.example.a': 'x, y' },
  annotations: { 'org.example.note': 'z' },
  secrets: [{ id: 'token', value: Buffer.from('hunter2') }],
  cacheRepository: { host: 'ghcr.io', name: 'acme/cache/linux-arm-v7' },
  sourceDateEpoch: 7,
  mediaType: 'auto',
  timeoutSeconds: undefined,
  mounts: [],
  engineArgs: ['--memory=1g'],
  allowances: [],
  layout: '/workspace/out',
}

test('a build: every value attached to its flag, secrets by file, the context last', () => {
  const args = planBuild(request, 'vfs', { ssh: ['default'], volumes: ['/tmp/a:/app'] })
  expect(args).toEqual(
    expect.arrayContaining([
      '--storage-driver=vfs',
      '--isolation=chroot',
      '--platform=linux/arm/v7',
      '--target=release',
      '--build-arg=A=b=c',
      '--label=org.example.a=x, y',
      '--secret=id=token,src=staging/secrets/token',
      '--ssh=default',
      '--volume=/tmp/a:/app',
      '--timestamp=7',
      '--cache-from=ghcr.io/acme/cache/linux-arm-v7',
      '--memory=1g',
    ]),
  )
  expect(args.at(-1)).toBe('/workspace/web')
  expect(args.join(' ')).not.toContain('hunter2')
})

test('storage, registries and policy are the work directory’s own', () => {
  for (const args of [
    planBuild(request, 'overlay', { ssh: [], volumes: [] }),
    planExport('overlay', 'sha256:1', '/out/blobs/sha256'),
  ])
    for (const flag of [
      'root=storage',
      'runroot=run',
      'registries-conf=registries.conf',
      'signature-policy=policy.json',
    ])
      expect(args).toContain(`--${flag}`)
})

test('in a user namespace buildah knows that its root is not the machine’s', () => {
  const env = { PATH: '/bin' }
  expect(planEnvironment(env, '/work', { uid: 1000, gid: 100 })).toMatchObject({
    PATH: '/bin',
    CONTAINERS_CONF: '/work/containers.conf',
    _CONTAINERS_ROOTLESS_UID: '1000',
  })
  expect(planEnvironment(env, '/work', undefined)).not.toHaveProperty('_CONTAINERS_ROOTLESS_UID')
})

test('registries: short names are docker.io’s, mirrors come first, only named hosts are insecure', () => {
  const mirrors = { 'docker.io': ['127.0.0.1:5000/hub', 'mirror.example.com'] }
  expect(
    formatRegistries({ insecure: ['127.0.0.1:5000'], mirrors }),
  ).toBe(`unqualified-search-registries = ["docker.io"]
short-name-mode = "disabled"
[[registry]]
location = "127.0.0.1:5000"
insecure = true
[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "127.0.0.1:5000/hub"
insecure = true
[[registry.mirror]]
location = "mirror.example.com"
`)
})

describe('what buildah says', () => {
  let time = 0
  const listen = (...lines: readonly [text: string, stream: 'stdout' | 'stderr'][]) => {
    const told: string[] = []
    const tell = (level: string) => (message: string) => void told.push(`${level} ${message}`)
    const log = createEngineLog(
      {
        debug: tell('debug'),
        info: tell('info'),
        warning: tell('warning'),
        error: tell('error'),
        group: (_, work) => work(),
      },
      new Set(['TARGETARCH']),
      () => time,
    )
    for (const [text, stream] of lines) {
      time += 1
      log.add(text, stream)
    }
    return { told, log }
  }

  test('warnings are warnings, and unused arguments are told unless they are Polyarch’s own', () => {
    const { told } = listen(
      ['time="2026-01-02T03:04:05Z" level=warning msg="say \\"x\\""', 'stderr'],
      ['[Warning] one or more build args were not consumed: [TARGETARCH VERSION]', 'stderr'],
      ['[Warning] one or more build args were not consumed: [TARGETARCH]', 'stderr'],
      ['time="x" level=warning msg="a command wrote this"', 'stdout'],
    )
    expect(told).toEqual([
      'warning say "x"',
      'warning the Dockerfile has no ARG for build argument VERSION',
      'info time="x" level=warning msg="a command wrote this"',
    ])
  })

  test('a step lasts until it is a layer, or the next begins', () => {
    const { log } = listen(
      ['[1/2] STEP 1/2: FROM a AS tool', 'stdout'],
      ['[1/2] STEP 2/2: RUN make', 'stdout'],
      ['done', 'stdout'],
      ['--> 0d0b9d0ff6d', 'stdout'],
      ['--> Pushing cache cache.example.com/linux-amd64:19b5', 'stdout'],
      ['[2/2] STEP 1/5: FROM b', 'stdout'],
      ['[2/2] STEP 2/5: ENV A=1', 'stdout'],
      ['--> Cache pulled from remote cache.example.com/linux-amd64:1586', 'stdout'],
      ['--> Using cache 65ae994a939a', 'stdout'],
      ['[2/2] STEP 3/5: RUN <<END', 'stdout'],
      ['[2/2] STEP 4/5: COPY a /', 'stdout'],
      ['[2/2] STEP 5/5: RUN x', 'stdout'],
      ['[2/2] COMMIT', 'stdout'],
      ['--> Pushing cache cache.example.com/linux-amd64:b134', 'stdout'],
    )
    expect([...log.instructions.ran]).toEqual([
      ['RUN make', 2],
      ['COPY a /', 1],
      ['RUN x', 1],
    ])
    expect(log.instructions.cached).toEqual(['ENV A=1'])
  })

  test.each([
    ['building at STEP "RUN x": while running runtime: exit status 1', 'build', /\(its last line: 401 Unauthorized\)$/],
    ['creating build container: reading manifest 1 in ghcr.io/a: manifest unknown', 'registry', /manifest unknown$/],
    ['creating build container: reading manifest 1 in ghcr.io/a: unauthorized', 'denied', /unauthorized$/],
    ['building at STEP "COPY a /": open /x: permission denied', 'build', /permission denied$/],
  ])('%s', (error, kind, message) => {
    const { log } = listen(['401 Unauthorized', 'stdout'], [`Error: ${error}`, 'stderr'])
    const failure = explainFailure('web', manner, { code: 1, reason: 'failed', peakMemory: undefined }, log)
    expect(failure.kind).toBe(kind)
    expect(failure.message).toMatch(message)
  })

  test('an end without words is told with its code', () => {
    const { log } = listen()
    const run = { code: 137, reason: findReason(137, log, false), peakMemory: undefined }
    expect(explainFailure('web', manner, run, log).message).toMatch(/^web: buildah was killed \(exit 137\): /)
  })
})
