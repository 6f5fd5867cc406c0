// Finds the credential for a registry host: the first source that has one for exactly this host wins.
import { posix } from 'node:path'
import { type Credential, type Secret, textsOf } from './credential.ts'
import { type DockerConfig, parseDockerConfig } from './docker-config.ts'
import { askHelper, type RunHelper } from './helper.ts'
import { parseLoginLines } from './login-lines.ts'
import { findByKey, parseKey, serverAddress } from './registry-key.ts'

/** Where credentials come from, and the ports to get at them. */
export interface CredentialSources {
  /** The input registry-auth: lines of host=user:password, or a docker config JSON. */
  readonly registryAuth: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** What the forge gives a job for its own registry. */
  readonly forgeLogins: readonly { readonly host: string; readonly username: string; readonly password: string }[]
  /** The text of a file; undefined where there is none. @throws {Failure} input, where it cannot be read. */
  readFile(path: string): Promise<string | undefined>
  readonly runHelper: RunHelper
  /** Told of every secret that is found, before anyone uses it. */
  mask(secret: string): void
}

/**
 * The credential for a host as the user wrote it, and the repository where that is known; undefined means anonymous.
 * @throws {Failure} input, for a malformed config; denied, where a helper fails.
 */
export type FindCredential = (host: string, repositoryName?: string) => Promise<Credential | undefined>

/** The result of the work, done at most once; a failure is tried again. */
const once = <T>(work: () => Promise<T>): (() => Promise<T>) => {
  let result: Promise<T> | undefined
  return async () => {
    result ??= work()
    try {
      return await result
    } catch (error) {
      result = undefined
      throw error
    }
  }
}

const parseRegistryAuth = (lines: readonly string[]): DockerConfig => {
  const text = lines.join('\n').trim()
  return text.startsWith('{') ? parseDockerConfig(text, 'input registry-auth') : parseLoginLines(lines)
}

/** $DOCKER_CONFIG/config.json, else ~/.docker/config.json. */
const configPath = (env: CredentialSources['env']): string | undefined => {
  const home = env['HOME'] || env['USERPROFILE']
  const folder = env['DOCKER_CONFIG'] || (home ? posix.join(home, '.docker') : undefined)
  return folder === undefined ? undefined : posix.join(folder, 'config.json')
}

/**
 * Opens the sources. The input is read at once, so that its errors come first; the others when a host is asked for.
 * @throws {Failure} input, where registry-auth is malformed.
 */
export const openCredentials = (sources: CredentialSources): FindCredential => {
  const masked = <S extends Secret>(secret: S): S => {
    for (const text of textsOf(secret)) sources.mask(text)
    return secret
  }
  const maskAll = (config: DockerConfig): DockerConfig => {
    for (const { secret } of config.logins) masked(secret)
    return config
  }

  const registryAuth = maskAll(parseRegistryAuth(sources.registryAuth))
  const configs: (() => Promise<DockerConfig | undefined>)[] = [
    async () => registryAuth,
    once(async () => {
      const text = sources.env['DOCKER_AUTH_CONFIG']?.trim()
      return text ? maskAll(parseDockerConfig(text, 'DOCKER_AUTH_CONFIG')) : undefined
    }),
    once(async () => {
      const path = configPath(sources.env)
      const text = path === undefined ? undefined : await sources.readFile(path)
      return path && text?.trim() ? maskAll(parseDockerConfig(text, path)) : undefined
    }),
    async () => ({
      place: 'the forge',
      logins: sources.forgeLogins
        .filter(({ password }) => password !== '')
        .map(({ host, ...secret }) => ({ key: parseKey(host), secret: masked(secret) })),
      helpers: [],
      store: undefined,
    }),
  ]

  const answers = new Map<string, () => Promise<Secret | undefined>>()
  const ask = async (helper: string, host: string, place: string): Promise<Secret | undefined> => {
    const address = serverAddress(host)
    const key = `${helper} ${address}`
    const answer =
      answers.get(key) ??
      once(async () => {
        const secret = await askHelper(sources.runHelper, helper, address, place)
        return secret && masked(secret)
      })
    answers.set(key, answer)
    return await answer()
  }

  return async (host, repositoryName = '') => {
    for (const read of configs) {
      const config = await read()
      if (config === undefined) continue
      const helper = findByKey(config.helpers, host, repositoryName)?.helper ?? config.store
      const kept = helper ? await ask(helper, host, config.place) : undefined
      if (helper && kept) return { ...kept, source: `docker-credential-${helper} (${config.place})` }
      const login = findByKey(config.logins, host, repositoryName)
      if (login) return { ...login.secret, source: config.place }
    }
    return undefined
  }
}
