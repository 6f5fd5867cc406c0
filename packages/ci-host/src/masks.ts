// The secrets of this run, and texts without them.

/** Text that stands where a secret was. */
const veil = '***'

/** Shorter texts are not masked: they would blot out ordinary words. */
const shortestSecret = 3

export interface Masks {
  /** Keeps a secret out of every text from now on: whole, and each of its lines. */
  add(secret: string): void
  /** The text with every secret in it replaced by `***`. */
  apply(text: string): string
}

/** The parts of a secret that have to be masked: a log shows it line by line. */
export const secretParts = (secret: string): string[] => [
  ...new Set(
    [secret, ...secret.split(/\r?\n/)].map((part) => part.trim()).filter((part) => part.length >= shortestSecret),
  ),
]

/** An empty set of masks. */
export const createMasks = (): Masks => {
  let secrets: string[] = []
  return {
    add: (secret) => {
      // The longest first, so that a secret that holds another one is not left in pieces.
      secrets = [...new Set([...secrets, ...secretParts(secret)])].sort((left, right) => right.length - left.length)
    },
    apply: (text) => secrets.reduce((masked, secret) => masked.replaceAll(secret, veil), text),
  }
}
