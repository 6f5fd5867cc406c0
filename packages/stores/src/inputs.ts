// The inputs that every step has, for reaching registries.
import { lines, list, text } from '@polyarch/ci-host'
import { inputFailure, parseReference } from '@polyarch/oci'

export const storeInputs = {
  'registry-auth': lines('Logins: lines of host=user:password, or a docker config JSON', { secret: true }),
  'insecure-registries': list('Registry hosts that may be spoken to over plain HTTP or with an unknown certificate'),
  'ca-file': text('A PEM file of certificate authorities to trust besides the system’s'),
  'registry-mirrors': list('Mirrors to read from first, as host=mirror'),
}

export interface StoreSettings {
  readonly 'registry-auth': readonly string[]
  readonly 'insecure-registries': readonly string[]
  readonly 'ca-file'?: string | undefined
  readonly 'registry-mirrors': readonly string[]
}

const isReference = (text: string): boolean => {
  try {
    parseReference(text)
    return true
  } catch {
    return false
  }
}

const isHost = (text: string): boolean => !text.includes('/') && isReference(`${text}/name`)

/**
 * The hosts of insecure-registries.
 * @throws {Failure} input, naming the entry that is no host.
 */
export const parseHosts = (entries: readonly string[]): readonly string[] => {
  for (const entry of entries)
    if (!isHost(entry)) throw inputFailure(`input insecure-registries: "${entry}" is not HOST[:PORT]`)
  return entries
}

/**
 * The mirrors of each host, in the order given.
 * @throws {Failure} input, naming the entry that is not host=mirror.
 */
export const parseMirrors = (entries: readonly string[]): Readonly<Record<string, readonly string[]>> => {
  const mirrors = new Map<string, string[]>()
  for (const entry of entries) {
    const equals = entry.indexOf('=')
    const host = entry.slice(0, Math.max(equals, 0)).trim()
    const mirror = entry
      .slice(equals + 1)
      .trim()
      .replace(/\/+$/, '')
    if (!isHost(host) || !isReference(`${mirror}/name`))
      throw inputFailure(
        `input registry-mirrors: "${entry}" is not host=mirror, for example docker.io=mirror.example.com/hub`,
      )
    mirrors.set(host, [...(mirrors.get(host) ?? []), mirror])
  }
  return Object.fromEntries(mirrors)
}
