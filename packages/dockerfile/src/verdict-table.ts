// What a verdict table says: per feature, what an engine makes of it from which version on.
import type { Feature } from './feature.ts'

export type Verdict = 'ok' | 'warn' | 'refuse'

/** How it goes wrong: into an image, with or without a word in the log, or into no image at all. */
export type Harm = 'silent' | 'logged' | 'fails'

/** What the adapter of an engine sets so that it builds right. */
export interface Remedy {
  readonly env: Readonly<Record<string, string>>
}

export interface VerdictEntry {
  /** The first version that behaves like this, up to the next entry's. */
  readonly since: string
  readonly verdict: Verdict
  /** What happens; empty where it is built right. */
  readonly happens: string
  /** Of what is refused. */
  readonly harm?: Harm
  readonly remedy?: Remedy
}

/** The entries of a feature, the oldest version's first, which holds from version 0 on. */
export type VerdictEntries = readonly [VerdictEntry, ...VerdictEntry[]]

export type VerdictTable = Readonly<Record<Feature, VerdictEntries>>

/** Built right, from this version on; where a remedy is named, because the adapter sets it. */
export const ok = (since = '0', remedy?: Remedy): VerdictEntry => ({
  since,
  verdict: 'ok',
  happens: '',
  ...(remedy === undefined ? {} : { remedy }),
})

/** Built, with a loss that does not make the image wrong. */
export const warn = (since: string, happens: string): VerdictEntry => ({ since, verdict: 'warn', happens })

/** How a message begins that tells of a harm. */
const harmWords: Readonly<Record<Harm, string>> = {
  silent: 'silently',
  logged: 'only the log says so',
  fails: 'the build fails',
}

const refuse = (since: string, harm: Harm, what: string): VerdictEntry => ({
  since,
  verdict: 'refuse',
  happens: `${harmWords[harm]}: ${what}`,
  harm,
})

/** Built wrong, and nobody is told. */
export const silent = (since: string, what: string): VerdictEntry => refuse(since, 'silent', what)

/** Built wrong, with a warning in the log. */
export const logged = (since: string, what: string): VerdictEntry => refuse(since, 'logged', what)

/** Not built, but found out late. */
export const fails = (since: string, what: string): VerdictEntry => refuse(since, 'fails', what)

const numbersOf = (version: string): number[] => version.split(/[.+-]/).slice(0, 3).map(Number)

/** Less than zero where the left version is the older one. */
export const compareVersions = (left: string, right: string): number => {
  const [a, b] = [numbersOf(left), numbersOf(right)]
  for (let index = 0; index < 3; index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** The entry that holds for the version: the newest that is not newer than it. */
export const entryFor = (entries: VerdictEntries, version: string): VerdictEntry =>
  entries.findLast(({ since }) => compareVersions(since, version) <= 0) ?? entries[0]
