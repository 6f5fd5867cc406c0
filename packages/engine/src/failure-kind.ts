// What an engine's last words mean in the terms of the exit codes.
import type { FailureKind } from '@polyarch/oci'

const denied =
  /\b(?:UNAUTHORIZED|(?<!permission )DENIED)\b|\b401 Unauthorized\b|\b403 Forbidden\b|authentication required/i

const unreachable =
  /\b(?:(?:MANIFEST|NAME|BLOB)[_ ]UNKNOWN|TOOMANYREQUESTS)\b|\bdial tcp\b|no such host|connection (?:refused|reset)|i\/o timeout|TLS handshake|x509:|unexpected status code|unexpected EOF|server gave HTTP response/i

/** The kind of failure that the message of an engine tells of, unless a command of the Dockerfile made it. */
export const failureKindOf = (message: string): FailureKind => {
  if (denied.test(message)) return 'denied'
  return unreachable.test(message) ? 'registry' : 'build'
}
