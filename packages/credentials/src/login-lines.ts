// The lines of the input registry-auth: host=user:password.
import { inputFailure, parseReference } from '@polyarch/oci'
import { toSecret } from './credential.ts'
import type { DockerConfig } from './docker-config.ts'
import { parseKey } from './registry-key.ts'

const place = 'input registry-auth'

const isHost = (host: string): boolean => {
  try {
    parseReference(`${host}/name`)
    return true
  } catch {
    return false
  }
}

const parseLine = (line: string, number: number): DockerConfig['logins'][number] => {
  const where = `${place}, line ${number}`
  const equals = line.indexOf('=')
  const key = parseKey(line.slice(0, Math.max(equals, 0)))
  // Before the first = there is no secret in a right line, but there may be in a wrong one: so it is not shown.
  if (equals === -1 || !isHost(key.host)) throw inputFailure(`${where}: expected host=user:password`)
  const login = line.slice(equals + 1)
  const colon = login.indexOf(':')
  if (colon < 1) throw inputFailure(`${where}: expected ${key.host}=user:password`)
  if (colon === login.length - 1) throw inputFailure(`${where}: the password for ${key.host} is empty`)
  return { key, secret: toSecret(login.slice(0, colon), login.slice(colon + 1)) }
}

/**
 * The logins in the lines.
 * @throws {Failure} input, with the line's number and never its text.
 */
export const parseLoginLines = (lines: readonly string[]): DockerConfig => {
  const logins = lines.map((line, index) => parseLine(line, index + 1))
  const seen = new Set<string>()
  for (const { key } of logins) {
    const name = key.path === '' ? key.host : `${key.host}/${key.path}`
    if (seen.has(name)) throw inputFailure(`${place}: ${name} is given twice`)
    seen.add(name)
  }
  return { place, logins, helpers: [], store: undefined }
}
