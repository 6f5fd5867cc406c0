// The secrets of this run, and texts without them.

/** Text that stands where a secret was. */
const veil = '***'

/** Shorter texts are not masked: they would blot out ordinary words. */
const shortestSecret = 3

export interface Masks {
  /** Keeps a secret out of every text from now on: whole, and each of its lines. Gives the texts that are new. */
  add(secret: string): readonly string[]
  /** The text with every secret in it replaced by `***`. */
  apply(text: string): string
}

/** An empty set of masks. */
export const createMasks = (): Masks => {
  let secrets: string[] = []
  return {
    add: (secret) => {
      const parts = new Set([secret, ...secret.split(/\r?\n/)].map((part) => part.trim()))
      const added = [...parts].filter((part) => part.length >= shortestSecret && !secrets.includes(part))
      // The longest first, so that a secret that holds another one is not left in pieces.
      secrets = [...secrets, ...added].sort((left, right) => right.length - left.length)
      return added
    },
    apply: (text) => secrets.reduce((masked, secret) => masked.replaceAll(secret, veil), text),
  }
}
