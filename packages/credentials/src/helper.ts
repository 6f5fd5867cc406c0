// Asks docker's credential helpers: programs that read a registry's address from stdin and answer with JSON.
import { Failure, inputFailure } from '@polyarch/oci'
import { type Secret, toSecret } from './credential.ts'

/** The end of a helper program. */
export interface HelperResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program with the text on its stdin. @throws {Failure} when there is no such program. */
export type RunHelper = (program: string, args: readonly string[], input: string) => Promise<HelperResult>

/** What helpers print when they know nothing of a registry (docker-credential-helpers, error.go). */
const notFound = /^credentials not found in native keychain$/m

const parseAnswer = (stdout: string): Secret | undefined => {
  let answer: unknown
  try {
    answer = JSON.parse(stdout)
  } catch {
    // What a helper prints may be a secret: the caller says that it was not understood, without it.
    return undefined
  }
  if (typeof answer !== 'object' || answer === null) return undefined
  const { Username: username, Secret: secret } = answer as { Username?: unknown; Secret?: unknown }
  if (typeof username !== 'string' || typeof secret !== 'string' || secret === '') return undefined
  return toSecret(username, secret)
}

/** The first line of what a helper says went wrong: by its protocol on stdout, where a secret would be JSON. */
const reasonOf = ({ stdout, stderr }: HelperResult): string => {
  const text = stdout.trimStart().startsWith('{') ? stderr : `${stdout}\n${stderr}`
  const line = text.split('\n').find((candidate) => candidate.trim() !== '')
  return line === undefined ? '' : `: ${line.trim().slice(0, 300)}`
}

/**
 * The secret that the helper has for the registry's address; undefined where it has none.
 * @throws {Failure} input, where the helper is missing; denied, where it fails.
 */
export const askHelper = async (
  run: RunHelper,
  helper: string,
  address: string,
  place: string,
): Promise<Secret | undefined> => {
  const program = `docker-credential-${helper}`
  let result: HelperResult
  try {
    result = await run(program, ['get'], address)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    throw inputFailure(`${place} names the credential helper ${program}, which cannot be run: ${error.message}`, {
      cause: error,
    })
  }
  if (notFound.test(result.stdout.trim()) || notFound.test(result.stderr.trim())) return undefined
  if (result.code !== 0) {
    throw new Failure('denied', `${program} failed for ${address} with exit code ${result.code}${reasonOf(result)}`)
  }
  const secret = parseAnswer(result.stdout)
  if (secret !== undefined) return secret
  throw new Failure('denied', `${program} answered for ${address} without "Username" and "Secret"`)
}
