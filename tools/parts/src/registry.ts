// Starts a real registry on a free loopback port, with or without authentication.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { hash } from 'bcryptjs'
import { partPath } from './part.ts'
import { startTokenServer, type TokenServer } from './token-server.ts'

export interface RunningRegistry extends AsyncDisposable {
  /** 127.0.0.1:PORT */
  readonly host: string
  /** Where it keeps its content. */
  readonly directory: string
  /** With authentication: a login that may do everything. */
  readonly login: { readonly username: string; readonly password: string } | undefined
  /** With `token`: the server that gives out the tokens. */
  readonly tokens: Pick<TokenServer, 'realm' | 'service' | 'refreshToken' | 'requests'> | undefined
  /** Every request that it answered so far, as `METHOD path status`, in the order of the answers. */
  requests(): Promise<readonly string[]>
  /** Kills it, as a crash does, and starts it again with the same address and content. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export interface RegistryOptions {
  /** Debian's docker-registry, which is distribution 2.8, by default. */
  readonly server?: 'docker-registry' | 'distribution-3' | 'zot'
  /** Not with zot. */
  readonly auth?: 'none' | 'htpasswd' | 'token'
  readonly allowDelete?: boolean
  /** With `token`: how many seconds a token is good for; default 300. */
  readonly tokenLifetime?: number
  /** With `token`: whether anyone may pull. */
  readonly anonymousPull?: boolean
  /** With `token`: whether only who may push gets a token for a repository that does not exist yet, as at ghcr.io. */
  readonly hidesNew?: boolean
}

type Login = NonNullable<RunningRegistry['login']>

const findFreePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}

const authenticationOf = (directory: string, auth: 'none' | 'htpasswd' | 'token', tokens: TokenServer | undefined) => {
  if (auth === 'htpasswd') return { auth: { htpasswd: { realm: 'polyarch', path: join(directory, 'htpasswd') } } }
  if (!tokens) return {}
  const { realm, service, issuer, certificatePath } = tokens
  return { auth: { token: { realm, service, issuer, rootcertbundle: certificatePath } } }
}

/** What is written for each request: distribution's line in Apache's combined log format, and zot's in JSON. */
const accessLines = [
  /"([A-Z]+) (\S+) HTTP\/[\d.]+" (\d{3}) /,
  /"method":"([A-Z]+)","path":"([^"]+)","statusCode":(\d{3}),/,
]

const readRequests = async (log: string): Promise<string[]> =>
  (await readFile(log, 'utf8')).split('\n').flatMap((line) => {
    const [, method, path, status] = accessLines.map((pattern) => pattern.exec(line)).find((found) => found) ?? []
    return method ? [`${method} ${path} ${status}`] : []
  })

const marker = '/v2/?marker='

/** Distribution reads YAML, of which JSON is a part. */
const distributionSettings = (host: string, directory: string, allowDelete: boolean) => ({
  version: 0.1,
  log: { level: 'error' },
  storage: {
    filesystem: { rootdirectory: directory },
    delete: { enabled: allowDelete },
    maintenance: { uploadpurging: { enabled: false } },
  },
  http: { addr: host, secret: randomBytes(16).toString('hex') },
})

const zotSettings = (host: string, directory: string, access: string) => {
  const [address, port] = host.split(':')
  return {
    distSpecVersion: '1.1.0',
    storage: { rootDirectory: directory, gc: false },
    http: { address, port },
    log: { level: 'info', output: access },
  }
}

/** Waits until the registry answers, or says why it ended. */
const waitUntilReady = async (process: ChildProcess, host: string, errors: string): Promise<void> => {
  const deadline = Date.now() + 20_000
  while (Date.now() < deadline) {
    if (process.exitCode !== null || process.signalCode !== null) break
    const answer = await fetch(`http://${host}${marker}start`).catch(() => undefined)
    await answer?.body?.cancel()
    if (answer && [200, 401].includes(answer.status)) return
    await delay(15)
  }
  throw new Error(`the registry did not start: ${(await readFile(errors, 'utf8')).trim().split('\n').at(-1)}`)
}

/** Below a registry's directory: where each repository has one of its own. */
const repositories = 'docker/registry/v2/repositories'

const isDirectory = async (path: string): Promise<boolean> =>
  (await stat(path).catch(() => undefined))?.isDirectory() ?? false

/** Starts the registry; it ends with this process, however that ends. */
export const startRegistry = async (options: RegistryOptions = {}): Promise<RunningRegistry> => {
  const { server = 'docker-registry', auth = 'none', allowDelete = true } = options
  const program = partPath(server)
  const root = await mkdtemp(join(tmpdir(), 'polyarch-registry-'))
  const directory = join(root, 'content')
  const [access, errors, config] = [join(root, 'access.log'), join(root, 'errors.log'), join(root, 'config.json')]
  const login: Login | undefined =
    auth === 'none' ? undefined : { username: 'polyarch', password: randomBytes(12).toString('hex') }
  let tokens: TokenServer | undefined
  let process: ChildProcess | undefined
  let ended: Promise<unknown> = Promise.resolve()

  const stop = async (): Promise<void> => {
    process?.kill('SIGKILL')
    await ended
    await tokens?.stop()
    tokens = undefined
    await rm(root, { recursive: true, force: true })
  }

  try {
    await mkdir(directory)
    if (login) await writeFile(join(root, 'htpasswd'), `${login.username}:${await hash(login.password, 4)}\n`)
    if (login && auth === 'token')
      tokens = await startTokenServer(root, {
        login,
        ...(options.tokenLifetime === undefined ? {} : { lifetime: options.tokenLifetime }),
        ...(options.anonymousPull === undefined ? {} : { anonymousPull: options.anonymousPull }),
        ...(options.hidesNew ? { exists: (name) => isDirectory(join(directory, repositories, name)) } : {}),
      })
    const host = `127.0.0.1:${await findFreePort()}`
    const settings =
      server === 'zot'
        ? zotSettings(host, directory, access)
        : {
            ...distributionSettings(host, directory, allowDelete),
            ...authenticationOf(root, auth, tokens),
          }
    await writeFile(config, JSON.stringify(settings))
    const start = async (): Promise<void> => {
      await using accessFile = await open(access, 'a')
      await using errorFile = await open(errors, 'a')
      const started = spawn('setpriv', ['--pdeathsig', 'KILL', program, 'serve', config], {
        stdio: ['ignore', accessFile.fd, errorFile.fd],
        // Distribution 3 would look for a collector of its traces.
        env: { OTEL_TRACES_EXPORTER: 'none' },
      })
      process = started
      ended = Promise.race([once(started, 'exit'), once(started, 'error')])
      await waitUntilReady(started, host, errors)
    }
    await start()

    const restart = async (): Promise<void> => {
      process?.kill('SIGKILL')
      await ended
      await start()
    }

    const requests = async (): Promise<readonly string[]> => {
      // A line is written after its answer is sent: once this request's line is there, so are all earlier ones.
      const own = `${marker}${randomBytes(8).toString('hex')}`
      await (await fetch(`http://${host}${own}`)).body?.cancel()
      for (;;) {
        const lines = await readRequests(access)
        if (lines.some((line) => line.includes(own))) return lines.filter((line) => !line.includes(marker))
        await delay(5)
      }
    }
    return { host, directory, login, tokens, requests, restart, stop, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}
