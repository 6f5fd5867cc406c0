// The logins that a build needs, as the docker config that engines read.
import type { Repository } from '@polyarch/oci'
import type { Stores } from '@polyarch/stores'

/** A login as docker's config.json holds it. */
export interface StagedLogin {
  readonly host: string
  readonly username: string
  readonly password: string
  readonly identityToken?: string
}

/** docker.io's key in a docker config, which is older than its host name. */
const configKey = (host: string): string => (host === 'docker.io' ? 'https://index.docker.io/v1/' : host)

/** A docker config.json with the logins and nothing else. */
export const formatDockerConfig = (logins: readonly StagedLogin[]): string =>
  JSON.stringify({
    auths: Object.fromEntries(
      logins.map(({ host, username, password, identityToken }) => [
        configKey(host),
        {
          auth: Buffer.from(`${username}:${password}`).toString('base64'),
          ...(identityToken === undefined ? {} : { identitytoken: identityToken }),
        },
      ]),
    ),
  })

/** The login of each host that the repositories are on, where there is one. */
export const findLogins = async (stores: Stores, repositories: readonly Repository[]): Promise<StagedLogin[]> => {
  const logins = new Map<string, StagedLogin>()
  for (const { host, name } of repositories) {
    const credential = logins.has(host) ? undefined : await stores.findCredential(host, name)
    if (credential === undefined) continue
    logins.set(
      host,
      'identityToken' in credential
        ? { host, username: '', password: '', identityToken: credential.identityToken }
        : { host, username: credential.username, password: credential.password },
    )
  }
  return [...logins.values()]
}
