// Where credentials come from, which one wins, and what is said when a source is malformed.
import { execFile } from 'node:child_process'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Failure } from '@polyarch/oci'
import { type TemporaryDirectory, temporaryDirectory } from '@polyarch/parts'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CredentialSources, openCredentials, type RunHelper } from './index.ts'

const encode = (login: string): string => Buffer.from(login).toString('base64')
const config = (value: unknown): string => JSON.stringify(value)

interface Given extends Partial<Omit<CredentialSources, 'mask'>> {
  /** The content of /home/me/.docker/config.json. */
  readonly file?: string
}

const open = ({ file, ...given }: Given, masks: string[] = []) =>
  openCredentials({
    registryAuth: [],
    env: { HOME: '/home/me' },
    forgeLogins: [],
    readFile: async (path) => (path === '/home/me/.docker/config.json' ? file : undefined),
    runHelper: async (program) => {
      throw new Failure('input', `there is no program ${program}`)
    },
    mask: (secret) => masks.push(secret),
    ...given,
  })

describe('the first source with a credential for the host wins', () => {
  const given: Given = {
    registryAuth: ['one.example=input:1'],
    env: {
      HOME: '/home/me',
      DOCKER_AUTH_CONFIG: config({
        auths: { 'one.example': { auth: encode('variable:2') }, 'two.example': { auth: encode('variable:2') } },
      }),
    },
    file: config({
      auths: { 'two.example': { auth: encode('file:3') }, 'three.example': { username: 'file', password: '3' } },
    }),
    forgeLogins: ['three.example', 'four.example'].map((host) => ({ host, username: 'forge', password: '4' })),
  }
  test.each([
    ['one.example', { username: 'input', password: '1', source: 'input registry-auth' }],
    ['two.example', { username: 'variable', password: '2', source: 'DOCKER_AUTH_CONFIG' }],
    ['three.example', { username: 'file', password: '3', source: '/home/me/.docker/config.json' }],
    ['four.example', { username: 'forge', password: '4', source: 'the forge' }],
    ['five.example', undefined],
  ])('%s', async (host, expected) => {
    expect(await open(given)(host)).toEqual(expected)
  })
})

describe('registry-auth', () => {
  test('keeps everything behind the first colon as the password', async () => {
    const find = open({ registryAuth: ['localhost:5000=user:p:a=ss word'] })
    expect(await find('localhost:5000')).toMatchObject({ username: 'user', password: 'p:a=ss word' })
  })

  test('may be a whole docker config, of which only the lines arrive', async () => {
    const text = JSON.stringify({ auths: { 'ghcr.io/acme': { auth: encode('me:secret') } } }, null, 2)
    const find = open({ registryAuth: text.split('\n').map((line) => line.trim()) })
    expect(await find('ghcr.io', 'acme/web')).toMatchObject({ username: 'me', password: 'secret' })
    expect(await find('ghcr.io', 'other/web')).toBeUndefined()
  })

  test.each([
    [['ghcr.io:me:hunter2'], 'line 1: expected host=user:password'],
    [['ghcr.io=me:fine', 'hunter2=='], 'line 2: expected host=user:password'],
    [['ghcr.io=hunter2'], 'expected ghcr.io=user:password'],
    [['ghcr.io=:hunter2'], 'expected ghcr.io=user:password'],
    [['ghcr.io=me:'], 'the password for ghcr.io is empty'],
    [['ghcr.io=me:hunter2', 'https://ghcr.io/=you:hunter2'], 'ghcr.io is given twice'],
    [['not a host=me:hunter2'], 'line 1: expected host=user:password'],
    [['{"auths": {"ghcr.io": {"password": hunter2}}}'], 'not JSON: expected a docker config'],
  ])('that is malformed is refused at once: %j', (registryAuth, message) => {
    let refusal: unknown
    try {
      open({ registryAuth })
    } catch (error) {
      refusal = error
    }
    expect(refusal).toMatchObject({ kind: 'input', message: expect.stringContaining(message) })
    expect(JSON.stringify(refusal, Object.getOwnPropertyNames(refusal))).not.toContain('hunter2')
  })
})

describe('the docker config', () => {
  test('is looked for in DOCKER_CONFIG', async () => {
    const find = open({
      env: { HOME: '/home/me', DOCKER_CONFIG: '/ci/docker' },
      readFile: async (path) =>
        path === '/ci/docker/config.json' ? config({ auths: { 'a.example': { auth: encode('u:p') } } }) : undefined,
    })
    expect(await find('a.example')).toMatchObject({ username: 'u', source: '/ci/docker/config.json' })
  })

  test('may be missing, empty, or there may be no home', async () => {
    expect(await open({})('a.example')).toBeUndefined()
    expect(await open({ file: ' \n' })('a.example')).toBeUndefined()
    expect(await open({ env: {} })('a.example')).toBeUndefined()
  })

  test('that could not be read once is read again', async () => {
    let broken = true
    const find = open({
      readFile: async () => {
        if (broken) throw new Failure('input', 'cannot read it')
        return config({ auths: { 'a.example': { auth: encode('u:p') } } })
      },
    })
    await expect(find('a.example')).rejects.toThrow('cannot read it')
    broken = false
    expect(await find('a.example')).toMatchObject({ username: 'u' })
  })

  test('gives identity tokens, and reads what docker writes', async () => {
    const find = open({
      file: config({
        auths: {
          'https://index.docker.io/v1/': { auth: encode('me:secret\0\0') },
          'https://index.docker.io/v1/access-token': {},
          'azure.example': { auth: encode('00000000-0000-0000-0000-000000000000:'), identitytoken: 'refresh' },
          'empty.example': {},
        },
      }),
    })
    expect(await find('docker.io', 'library/alpine')).toMatchObject({ username: 'me', password: 'secret' })
    expect(await find('azure.example')).toMatchObject({ identityToken: 'refresh' })
    expect(await find('empty.example')).toBeUndefined()
  })

  test.each([
    ['{"auths": {"ghcr.io": {"auth": hunter2', /config\.json.*: not JSON/],
    ['"hunter2"', /config\.json: expected a docker config/],
    ['[]', /config\.json: expected a docker config/],
    [config({ auths: 'hunter2' }), /config\.json: auths is not an object/],
    [config({ auths: { 'ghcr.io': 'hunter2' } }), /auths\["ghcr\.io"\] is not an object/],
    [
      config({ auths: { 'ghcr.io': { auth: 'hunter2!' } } }),
      /auths\["ghcr\.io"\]\.auth is not the base64 of user:password/,
    ],
    [config({ auths: { 'ghcr.io': { auth: encode('hunter2') } } }), /auth is not the base64 of user:password/],
    [config({ auths: { 'ghcr.io': { username: 'a', password: ['hunter2'] } } }), /\.password is not text/],
    [
      config({ credHelpers: { 'ghcr.io': '../../hunter2' } }),
      /credHelpers\["ghcr\.io"\] is not the name of a credential helper/,
    ],
    [config({ credsStore: '/bin/hunter2' }), /credsStore is not the name of a credential helper/],
  ])('that is malformed is an input, shown without its content: %s', async (file, message) => {
    const refusal: unknown = await open({ file })('ghcr.io').catch((error: unknown) => error)
    expect(refusal).toMatchObject({ kind: 'input', message: expect.stringMatching(message) })
    expect(String(refusal)).not.toMatch(/hunter2|aHVudGVyMg/)
    expect((refusal as Error).cause).toBeUndefined()
  })

  test('cannot reach the prototype', async () => {
    const file =
      '{"auths":{"__proto__":{"auth":"dTpw"}},"credHelpers":{"__proto__":"x"},"__proto__":{"credsStore":"y"}}'
    expect(await open({ file })('ghcr.io')).toBeUndefined()
    expect(await open({ file })('constructor')).toBeUndefined()
  })
})

describe('credential helpers', () => {
  let programs: TemporaryDirectory
  const asked: string[] = []
  beforeAll(async () => {
    programs = await temporaryDirectory('helpers')
    const program = join(programs.path, 'docker-credential-real')
    await writeFile(
      program,
      `#!/bin/sh
[ "$1" = get ] || exit 2
read -r host
case "$host" in
  user.example) echo '{"ServerURL":"user.example","Username":"me","Secret":"kept"}' ;;
  token.example) echo '{"Username":"<token>","Secret":"refresh"}' ;;
  https://index.docker.io/v1/) echo '{"Username":"hub","Secret":"kept"}' ;;
  locked.example) echo 'the keychain is locked'; exit 1 ;;
  leaky.example) echo '{"Secret":"hunter2"}'; exit 1 ;;
  garbled.example) echo 'hunter2' ;;
  *) echo 'credentials not found in native keychain'; exit 1 ;;
esac
`,
    )
    await chmod(program, 0o755)
  })
  afterAll(() => programs[Symbol.asyncDispose]())

  const runHelper: RunHelper = (program, args, input) =>
    new Promise((resolve, reject) => {
      asked.push(input)
      const child = execFile(join(programs.path, program), args, (error, stdout, stderr) => {
        if (error && typeof error.code === 'string') reject(new Failure('input', `there is no program ${program}`))
        else resolve({ code: Number(error?.code ?? 0), stdout, stderr })
      })
      child.stdin?.end(input)
    })

  const store = {
    file: config({ credsStore: 'real', auths: { 'plain.example': { auth: encode('in:file') } } }),
    runHelper,
  }

  test.each([
    [
      'user.example',
      { username: 'me', password: 'kept', source: 'docker-credential-real (/home/me/.docker/config.json)' },
    ],
    ['token.example', { identityToken: 'refresh', source: 'docker-credential-real (/home/me/.docker/config.json)' }],
    [
      'docker.io',
      { username: 'hub', password: 'kept', source: 'docker-credential-real (/home/me/.docker/config.json)' },
    ],
    ['plain.example', { username: 'in', password: 'file', source: '/home/me/.docker/config.json' }],
    ['unknown.example', undefined],
  ])('the store is asked for %s', async (host, expected) => {
    expect(await open(store)(host)).toEqual(expected)
  })

  test('a helper is asked for its own registries only, and once', async () => {
    const find = open({ file: config({ credHelpers: { 'user.example': 'real' } }), runHelper })
    asked.length = 0
    const found = await Promise.all([find('user.example'), find('user.example', 'a'), find('other.example')])
    expect(found.map((credential) => credential !== undefined)).toEqual([true, true, false])
    expect(asked).toEqual(['user.example'])
  })

  test('an empty helper turns the store off for a registry', async () => {
    const find = open({ file: config({ credsStore: 'real', credHelpers: { 'user.example': '' } }), runHelper })
    expect(await find('user.example')).toBeUndefined()
  })

  test.each([
    [
      'locked.example',
      'denied',
      'docker-credential-real failed for locked.example with exit code 1: the keychain is locked',
    ],
    ['leaky.example', 'denied', 'docker-credential-real failed for leaky.example with exit code 1'],
    [
      'garbled.example',
      'denied',
      'docker-credential-real answered for garbled.example without "Username" and "Secret"',
    ],
  ])('that fail are an error and no silent anonymous access: %s', async (host, kind, message) => {
    await expect(open(store)(host)).rejects.toMatchObject({ kind, message })
  })

  test('that are not installed are named with the file that wants them', async () => {
    const find = open({ file: config({ credsStore: 'desktop' }), runHelper })
    await expect(find('a.example')).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(
        /config\.json names the credential helper docker-credential-desktop, which cannot be run/,
      ),
    })
  })

  test('give secrets that are masked like all others', async () => {
    const masks: string[] = []
    const find = open({ ...store, registryAuth: ['a.example=user:from the input'] }, masks)
    expect(masks).toEqual(['from the input', encode('user:from the input')])
    await find('token.example')
    expect(masks).toEqual(expect.arrayContaining(['file', encode('in:file'), 'refresh']))
  })
})
