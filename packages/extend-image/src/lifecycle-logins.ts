// The logins that a lifecycle gets in CNB_REGISTRY_AUTH, as registry-auth has them.
import { z } from 'zod'
import { lifecycleFailure } from './lifecycle-failure.ts'

const Logins = z.record(z.string(), z.string())

/** Logins of registries, and the hosts whose login is of a kind that only one request can be made with. */
export interface LifecycleLogins {
  /** A docker config JSON; undefined without any. */
  readonly registryAuth: string | undefined
  readonly unusable: readonly string[]
}

const parse = (text: string): Readonly<Record<string, string>> => {
  try {
    return Logins.parse(JSON.parse(text))
  } catch (cause) {
    // The text holds secrets, and these errors quote it: neither goes on.
    if (cause instanceof SyntaxError || cause instanceof z.ZodError)
      throw lifecycleFailure(
        'invalidArguments',
        'CNB_REGISTRY_AUTH: expected a JSON object like {"registry": "Basic …"}',
      )
    throw cause
  }
}

/**
 * The logins of CNB_REGISTRY_AUTH: authorization headers by registry.
 * @throws {Failure} with the lifecycle's code 3, where it is something else.
 */
export const readLifecycleLogins = (text: string | undefined): LifecycleLogins => {
  if (text === undefined || text.trim() === '') return { registryAuth: undefined, unusable: [] }
  const auths: [string, { readonly auth: string }][] = []
  const unusable: string[] = []
  for (const [host, header] of Object.entries(parse(text))) {
    const [, basic] = /^basic\s+(\S+)$/i.exec(header.trim()) ?? []
    if (basic === undefined) unusable.push(host)
    else auths.push([host, { auth: basic }])
  }
  const registryAuth = auths.length === 0 ? undefined : JSON.stringify({ auths: Object.fromEntries(auths) })
  return { registryAuth, unusable }
}
