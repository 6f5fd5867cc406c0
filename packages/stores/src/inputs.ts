// The inputs that every step has, for reaching registries.
import { lines, list, text } from '@polyarch/ci-host'
import { inputFailure, parseReference } from '@polyarch/oci'
import type { CertificateFiles } from './client-certificates.ts'

export const storeInputs = {
  'registry-auth': lines('Logins: lines of host=user:password, or a docker config JSON', { secret: true }),
  'insecure-registries': list('Registry hosts that may be spoken to over plain HTTP or with an unknown certificate'),
  'ca-file': text('A PEM file of certificate authorities to trust besides the system’s'),
  'client-certificates': lines(
    'Client certificates for what Polyarch itself reads and writes: lines of host=certificate.pem,key.pem',
  ),
  'registry-mirrors': list('Mirrors to read from first, as host=mirror'),
}

export interface StoreSettings {
  readonly 'registry-auth': readonly string[]
  readonly 'insecure-registries': readonly string[]
  readonly 'ca-file'?: string | undefined
  readonly 'client-certificates'?: readonly string[] | undefined
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
 * The files of client-certificates, as they are written.
 * @throws {Failure} input, naming the line that is not host=certificate.pem,key.pem; never what it says, which may be a
 * key that somebody put there.
 */
export const parseClientCertificates = (entries: readonly string[]): readonly CertificateFiles[] => {
  const files = entries.map((entry, position) => {
    const [, host = '', certificate = '', key = ''] = /^([^=]+)=([^,]+),([^,]+)$/.exec(entry) ?? []
    if (isHost(host.trim())) return { host: host.trim(), certificate: certificate.trim(), key: key.trim() }
    throw inputFailure(
      `input client-certificates, line ${position + 1}: expected host=certificate.pem,key.pem, for example registry.example.com=client.pem,client-key.pem`,
    )
  })
  const twice = files.find(({ host }, position) => files.findIndex((other) => other.host === host) !== position)
  if (twice) throw inputFailure(`input client-certificates: ${twice.host} has more than one line`)
  return files
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
