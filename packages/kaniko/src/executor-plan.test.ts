// The executor’s arguments and environment.
import type { BuildRequest } from '@polyarch/engine'
import { parsePlatform } from '@polyarch/oci'
import { describe, expect, test } from 'vitest'
import { type EngineFacts, parseFlags, readEngineFacts } from './engine-facts.ts'
import { type NetworkAccess, planExecutor } from './executor-plan.ts'
import { isolatedPlaces } from './places.ts'

const request: BuildRequest = {
  name: 'web.linux-arm64',
  platform: parsePlatform('linux/arm64/v8'),
  buildPlatform: parsePlatform('linux/amd64'),
  context: '/workspace/web',
  dockerfile: '/workspace/web/Dockerfile',
  target: undefined,
  args: {},
  labels: {},
  annotations: {},
  secrets: [],
  cacheRepository: undefined,
  sourceDateEpoch: undefined,
  dockerfileText: 'FROM scratch\n',
  mediaType: 'auto',
  timeoutSeconds: undefined,
  mounts: [],
  engineArgs: [],
  allowances: [],
  layout: '/workspace/out',
}

const access: NetworkAccess = { insecure: [], mirrors: {}, proxies: {} }

const facts = (...flags: string[]): EngineFacts => ({ version: '1.24.0', flags: new Set(flags), lineage: 'upstream' })

const argsOf = (change: Partial<BuildRequest>, flags: string[] = [], reach: Partial<NetworkAccess> = {}) =>
  planExecutor({ ...request, ...change }, facts(...flags), isolatedPlaces, { ...access, ...reach }).args

test('the least that is ever said', () => {
  expect(argsOf({})).toEqual([
    '--context=dir:///kaniko/buildcontext',
    '--dockerfile=/kaniko/polyarch/Dockerfile',
    '--custom-platform=linux/arm64',
    '--no-push',
    '--oci-layout-path=/kaniko/layout',
    '--log-format=json',
    '--force',
  ])
})

test('copies become root’s, unless they are to keep their owners', () => {
  const envOf = (change: Partial<BuildRequest>) =>
    planExecutor({ ...request, ...change }, facts(), isolatedPlaces, access).env['FF_KANIKO_COPY_AS_ROOT']
  expect([envOf({}), envOf({ keepsOwners: true })]).toEqual(['true', undefined])
})

test('everything, each value attached to its flag', () => {
  const change: Partial<BuildRequest> = {
    platform: parsePlatform('linux/arm/v7'),
    target: 'release',
    args: { TARGETARCH: 'arm', VERSION: '1 2=3' },
    labels: { vendor: 'acme, inc' },
    annotations: { a: 'b' },
    secrets: [{ id: 'token', value: Buffer.from('hunter2') }],
    cacheRepository: { host: 'ghcr.io', name: 'acme/cache/linux-arm-v7' },
    sourceDateEpoch: 0,
    mediaType: 'auto',
    timeoutSeconds: undefined,
    mounts: [],
    engineArgs: ['--snapshot-mode=redo', '--single-snapshot'],
  }
  const flags = ['annotation', 'secret', 'registry-map', 'skip-unused-stages', 'image-download-retry']
  const reach = {
    insecure: ['localhost:5000'],
    mirrors: { 'docker.io': ['mirror.acme.com'], 'ghcr.io': ['g.acme.com'] },
  }
  const args = argsOf(change, flags, reach)
  expect(args.slice(2)).toEqual([
    '--target=release',
    '--custom-platform=linux/arm/v7',
    '--no-push',
    '--oci-layout-path=/kaniko/layout',
    '--log-format=json',
    '--force',
    '--skip-unused-stages',
    '--image-download-retry=2',
    '--build-arg=TARGETARCH=arm',
    '--build-arg=VERSION=1 2=3',
    '--label=vendor=acme, inc',
    '--annotation=a=b',
    '--secret=id=token,src=/kaniko/polyarch/secrets/token',
    '--reproducible',
    '--cache',
    '--cache-repo=ghcr.io/acme/cache/linux-arm-v7',
    '--cache-copy-layers=false',
    '--insecure-registry=localhost:5000',
    '--skip-tls-verify-registry=localhost:5000',
    '--registry-mirror=mirror.acme.com',
    '--registry-map=ghcr.io=g.acme.com',
    '--snapshot-mode=redo',
    '--single-snapshot',
  ])
  expect(args.every((argument) => argument.startsWith('--'))).toBe(true)
  expect(args.join(' ')).not.toMatch(/hunter2|--destination/)
})

test('what may hold credentials is kept apart from the rest of the environment', () => {
  const proxies = { HTTPS_PROXY: 'http://me:secret@proxy' }
  const plan = planExecutor(request, facts(), isolatedPlaces, { ...access, proxies })
  expect(plan.quietEnv).toEqual(proxies)
  expect(JSON.stringify([plan.args, plan.env])).not.toContain('secret@')
  expect(plan.env).toMatchObject({ USER: 'root', DOCKER_CONFIG: '/kaniko/polyarch/docker' })
})

describe('an executor that lacks a flag', () => {
  test.each([
    ['annotation', { annotations: { a: 'b' } }, {}],
    ['secret', { secrets: [{ id: 'token', value: Buffer.from('x') }] }, {}],
    ['registry-map', {}, { mirrors: { 'ghcr.io': ['g.acme.com'] } }],
  ])('is refused where %s is needed', (flag, change, reach) => {
    expect(() => argsOf(change, [], reach)).toThrow(
      expect.objectContaining({ kind: 'preflight', message: expect.stringContaining(`--${flag}`) }),
    )
  })
})

describe('engine-args', () => {
  test.each(['--kaniko-dir=/', '--kanikoDir=/', '--kaniko_dir=/x', '--KANIKO-DIR=/'])('may not say %s', (argument) => {
    expect(() => argsOf({ mounts: [], engineArgs: [argument] })).toThrow(/is not yours to set/)
  })

  test.each([
    '--context=dir:///',
    '--dockerfile=/etc/passwd',
    '--no-push=false',
    '--destination=evil/x:latest',
    '--oci-layout-path=/x',
    '--custom-platform=linux/s390x',
    '--customPlatform=linux/s390x',
    '--tarPath=/x',
    '--force=false',
    '--log-format=text',
    '--secret=id=x,src=/etc/shadow',
    '--cleanup',
    '--help',
  ])('may not say %s', (argument) => {
    expect(() => argsOf({ mounts: [], engineArgs: [argument] })).toThrow(expect.objectContaining({ kind: 'input' }))
  })

  test.each([
    '-d',
    '-c/',
    'version',
    'login',
    '--',
    '',
    '--single-snapshot\n--kaniko-dir=/',
    '--x=a\0b',
    '--x y',
    '; reboot',
  ])('may not be %j', (argument) => {
    expect(() => argsOf({ mounts: [], engineArgs: [argument] })).toThrow(/expected --flag or --flag=value/)
  })
})

describe('facts of an executor', () => {
  const help = `Usage:
  executor [flags]

Flags:
      --annotation key-value-arg type   Set metadata; see also --label
  -c, --context string                  Path to the dockerfile build context. (default "/workspace/")
      --customPlatform string           This flag is deprecated. Please use '--custom-platform'.
  -h, --help                            help for executor
`

  test('are the flags that --help lists, not those that it mentions', () => {
    expect([...parseFlags(help)]).toEqual(['annotation', 'context', 'customPlatform', 'help'])
  })

  test.each([
    ['Kaniko version :  v1.25.15\n', '1.25.15'],
    ['Kaniko version :  unset\n', 'unset'],
    ['Kaniko version :  \n', 'unset'],
    ['', 'unset'],
  ])('%j is version %s', (output, version) => {
    expect(readEngineFacts(output, help).version).toBe(version)
  })

  test('the flags tell the lineage, whatever the version says', () => {
    expect(readEngineFacts('', help).lineage).toBe('upstream')
    expect(readEngineFacts('', `${help}      --secret stringArray  Secrets\n`).lineage).toBe('fork')
  })
})
