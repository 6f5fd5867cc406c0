// What a step gets from its inputs: stores of both kinds, logged in, with trust and mirrors, and clear errors.
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type OpenHost, openHost, parseInputs } from '@polyarch/ci-host'
import { copyManifest, parseStoreLocation } from '@polyarch/oci'
import {
  lacks,
  pushSampleImage,
  type RunningRegistry,
  sampleImage,
  sampleIndex,
  startFaultProxy,
  startRegistry,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@polyarch/parts'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { openStores, type StoreSettings, storeInputs } from './index.ts'

const settingsOf = (raw: Readonly<Record<string, string>> = {}): StoreSettings =>
  parseInputs({ inputs: z.object(storeInputs) }, raw)

let temporary: TemporaryDirectory
const hostWith = (env: Readonly<Record<string, string>> = {}): OpenHost =>
  openHost({ PATH: process.env['PATH'], ...env }, temporary.path)
beforeEach(async () => {
  temporary = await temporaryDirectory('stores')
})
afterEach(() => temporary[Symbol.asyncDispose]())

const images = [
  sampleImage({ os: 'linux', architecture: 'amd64' }, ['shared', 'amd64']),
  sampleImage({ os: 'linux', architecture: 'arm64' }, ['shared', 'arm64']),
]
const index = sampleIndex(images)

describe('a layout', () => {
  test('lies below the host’s directory and is named as the user named it', async () => {
    await using stores = await openStores(settingsOf(), hostWith())
    const store = stores.open(parseStoreLocation('oci:out/web'))
    expect(store.location).toBe('oci:out/web')
    await pushSampleImage(store, images[0]!, 'latest')
    expect(await readFile(join(temporary.path, 'out/web/oci-layout'), 'utf8')).toContain('1.0.0')
  })

  test('needs nothing of a docker config that is broken', async () => {
    await writeFile(join(temporary.path, 'config.json'), 'broken')
    await using stores = await openStores(settingsOf(), hostWith({ DOCKER_CONFIG: temporary.path }))
    expect(await stores.open(parseStoreLocation('oci:out')).listTags()).toEqual([])
  })
})

describe('inputs that are malformed are named', () => {
  test.each([
    ['registry-auth', 'ghcr.io', 'input registry-auth, line 1: expected host=user:password'],
    ['insecure-registries', 'http://registry.local', '"http://registry.local" is not HOST[:PORT]'],
    ['insecure-registries', 'registry.local/path', '"registry.local/path" is not HOST[:PORT]'],
    ['registry-mirrors', 'mirror.example.com', '"mirror.example.com" is not host=mirror'],
    ['registry-mirrors', 'docker.io=https://mirror.example.com', 'is not host=mirror, for example docker.io=mirror'],
    ['ca-file', 'missing.pem', /input ca-file: cannot read .*missing\.pem \(ENOENT\)/],
    ['ca-file', 'config.json', 'config.json holds no PEM certificate'],
    ['ca-file', 'damaged.pem', 'certificate 1 of it is damaged'],
  ])('%s: %s', async (input, value, message) => {
    await writeFile(join(temporary.path, 'config.json'), '{}')
    await writeFile(
      join(temporary.path, 'damaged.pem'),
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n',
    )
    const opening = openStores(settingsOf({ [input]: value }), hostWith())
    await expect(opening).rejects.toMatchObject({
      kind: 'input',
      message: typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
    })
  })
})

describe.skipIf(lacks('docker-registry'))('a registry', () => {
  let open: RunningRegistry
  let closed: RunningRegistry
  beforeAll(async () => {
    ;[open, closed] = await Promise.all([startRegistry(), startRegistry({ auth: 'htpasswd' })])
  })
  afterAll(() => Promise.all([open.stop(), closed.stop()]))

  const loginLine = (): string => `${closed.host}=${closed.login?.username}:${closed.login?.password}`
  const auth = (): string => Buffer.from(`${closed.login?.username}:${closed.login?.password}`).toString('base64')

  test('and a layout copy an index with its children to each other, both ways', async () => {
    await using stores = await openStores(settingsOf({ 'registry-auth': loginLine() }), hostWith())
    const [from, there, back] = ['oci:from', `${closed.host}/both/ways`, 'oci:back'].map((location) =>
      stores.open(parseStoreLocation(location)),
    ) as [ReturnType<typeof stores.open>, ReturnType<typeof stores.open>, ReturnType<typeof stores.open>]
    for (const image of images) await pushSampleImage(from, image)
    await from.pushManifest(index, 'latest')
    await copyManifest(from, there, index.descriptor)
    await copyManifest(there, back, index.descriptor)
    expect(Buffer.from((await back.getManifest(index.descriptor.digest)).bytes).equals(index.bytes)).toBe(true)
    for (const image of images)
      for (const { descriptor } of [image.config, ...image.layers])
        expect(await back.resolveBlob(descriptor.digest)).toBe(descriptor.size)
    expect(await copyManifest(from, there, index.descriptor)).toMatchObject({ unchanged: true })
  })

  test.each([
    ['the input', async () => ({ raw: { 'registry-auth': loginLine() } })],
    [
      'the input as a docker config',
      async () => ({
        raw: { 'registry-auth': JSON.stringify({ auths: { [closed.host]: { auth: auth() } } }, null, 2) },
      }),
    ],
    [
      'DOCKER_AUTH_CONFIG',
      async () => ({ env: { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [closed.host]: { auth: auth() } } }) } }),
    ],
    [
      'a docker config, for its namespace',
      async () => {
        const auths = {
          [closed.host]: { auth: Buffer.from('nobody:wrong').toString('base64') },
          [`${closed.host}/team`]: { auth: auth() },
        }
        await writeFile(join(temporary.path, 'config.json'), JSON.stringify({ auths }))
        return { env: { DOCKER_CONFIG: temporary.path } }
      },
    ],
    [
      'a credential helper, which sees the environment',
      async () => {
        await mkdir(join(temporary.path, 'bin'))
        const helper = join(temporary.path, 'bin/docker-credential-test')
        await writeFile(
          helper,
          '#!/bin/sh\nread -r host\nprintf \'{"Username":"%s","Secret":"%s"}\' "$HELPER_USER" "$HELPER_TOKEN"\n',
        )
        await chmod(helper, 0o755)
        await writeFile(join(temporary.path, 'config.json'), JSON.stringify({ credHelpers: { [closed.host]: 'test' } }))
        const { username = '', password = '' } = closed.login ?? {}
        const PATH = `${join(temporary.path, 'bin')}:${process.env['PATH']}`
        return { env: { DOCKER_CONFIG: temporary.path, PATH, HELPER_USER: username, HELPER_TOKEN: password } }
      },
    ],
    [
      'GitLab’s own variables',
      async () => ({
        env: {
          GITLAB_CI: 'true',
          CI_REGISTRY: closed.host,
          CI_REGISTRY_USER: closed.login?.username ?? '',
          CI_REGISTRY_PASSWORD: closed.login?.password ?? '',
        },
      }),
    ],
  ])('is logged in to with %s', async (_, prepare) => {
    const { raw = {}, env = {} } = (await prepare()) as { raw?: Record<string, string>; env?: Record<string, string> }
    await using stores = await openStores(settingsOf(raw), hostWith(env))
    const store = stores.open(parseStoreLocation(`${closed.host}/team/web`))
    await pushSampleImage(store, images[0]!, 'latest')
    expect(await store.listTags()).toContain('latest')
  })

  test('refuses wrong and missing logins, and the error shows no secret', async () => {
    for (const raw of [{ 'registry-auth': `${closed.host}=me:hunter2` }, {}]) {
      await using stores = await openStores(settingsOf(raw), hostWith())
      const refusal: unknown = await stores
        .open(parseStoreLocation(`${closed.host}/team/web`))
        .resolveManifest('latest')
        .catch((error: unknown) => error)
      expect(refusal).toMatchObject({ kind: 'denied', message: expect.stringContaining(closed.host) })
      expect(String(refusal)).not.toMatch(/hunter2/)
    }
  })

  test('is read through a mirror first, and left alone where that has the content', async () => {
    const settings = settingsOf({ 'registry-mirrors': `${closed.host}=${open.host}/mirrored` })
    await using stores = await openStores(settings, hostWith())
    const [image] = images as [(typeof images)[number]]
    await pushSampleImage(stores.open(parseStoreLocation(`${open.host}/mirrored/base`)), image)
    const store = stores.open(parseStoreLocation(`${closed.host}/base`))
    expect((await store.getManifest(image.manifest.descriptor.digest)).bytes).toHaveLength(image.manifest.bytes.length)
    expect((await closed.requests()).filter((line) => line.includes('/v2/base/'))).toEqual([])
  })

  test('is asked again where it fails for a while, and each retry is a warning', async () => {
    await using proxy = await startFaultProxy({
      target: open.host,
      seed: 7,
      refusals: { share: 0.3, statuses: [503], retryAfter: '0' },
    })
    const warnings: string[] = []
    const host = hostWith()
    const log = { ...host.log, warning: (line: string) => void warnings.push(line) }
    await using stores = await openStores(settingsOf(), { ...host, log })
    const store = stores.open(parseStoreLocation(`${proxy.host}/patient`))
    for (const image of images) await pushSampleImage(store, image)
    await store.pushManifest(index, 'latest')
    expect(proxy.faults().refused).toBeGreaterThan(0)
    expect(warnings).not.toEqual([])
    for (const line of warnings) expect(line).toMatch(/503/)
  })
})
