// What differs between GitHub, GitLab and a terminal; openHost makes a Host of it.
import type { Log, Login } from './host.ts'

/** What a forge is given to work with. */
export interface ForgeSettings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly directory: string
  readonly debug: boolean
  /** Writes lines to stderr, masked. */
  readonly write: (lines: string) => void
}

/** A step's outputs as texts, by name in kebab-case. */
export type OutputTexts = Readonly<Record<string, string>>

/** One of the three places where a step can run. */
export interface Forge {
  readonly kind: 'github' | 'gitlab' | 'terminal'
  readonly log: Log
  readonly run: { readonly id: string; readonly attempt: number } | null
  /** The line that tells the forge to mask a secret, where it has one; the host masks its own log anyway. */
  readonly maskCommand?: (secret: string) => string
  readonly defaultStore: (imageId: string) => string
  readonly logins: () => readonly Login[]
  readonly summarise: (markdown: string) => Promise<void>
  readonly sendFiles: (name: string, files: readonly string[]) => Promise<void>
  readonly receiveFiles: (names: readonly string[], directory: string) => Promise<readonly string[]>
  readonly writeOutputs: (step: string, outputs: OutputTexts) => Promise<void>
}
