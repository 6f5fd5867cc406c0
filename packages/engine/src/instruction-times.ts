// How long instructions took when they ran, and what taking them from a cache saves: measured, summed and told; pure.
import { digestOf, hexOf, verificationFailure } from '@polyarch/oci'
import { z } from 'zod'

/** What became of the instructions of one build, as the engine's log tells it. */
export interface InstructionTimes {
  /** Seconds of those that ran, by their text; of several with the same text the fewest. */
  readonly ran: ReadonlyMap<string, number>
  /** The text of each that was taken from a cache; undefined where the engine does not write all of it. */
  readonly cached: readonly (string | undefined)[]
}

export interface InstructionRecord extends InstructionTimes {
  addRun(text: string, seconds: number): void
  addCached(text: string | undefined): void
}

export const createInstructionRecord = (): InstructionRecord => {
  const ran = new Map<string, number>()
  const cached: (string | undefined)[] = []
  return {
    ran,
    cached,
    addRun: (text, seconds) => void ran.set(text, Math.min(seconds, ran.get(text) ?? seconds)),
    addCached: (text) => void cached.push(text),
  }
}

/** Measures instructions that run one after another, by when the engine's lines arrive. */
export interface InstructionWatch {
  readonly times: InstructionTimes
  /** The instruction before it, if any, is at its end. */
  begin(text: string | undefined): void
  /** Whether there was one. */
  end(): boolean
  /** The one that has begun was taken from a cache; whoever knows no begin says which. */
  cached(text?: string): void
  /** How long the one that has begun takes will not be known. */
  forget(): void
}

/** `now` in seconds. */
export const createInstructionWatch = (now = (): number => performance.now() / 1000): InstructionWatch => {
  const times = createInstructionRecord()
  let begun: { readonly text: string | undefined; readonly at: number } | undefined
  const end = (): boolean => {
    if (begun === undefined) return false
    if (begun.text !== undefined) times.addRun(begun.text, now() - begun.at)
    begun = undefined
    return true
  }
  return {
    times,
    begin: (text) => {
      end()
      begun = { text, at: now() }
    },
    end,
    cached: (text = begun?.text) => {
      times.addCached(text)
      begun = undefined
    },
    forget: () => {
      begun = undefined
    },
  }
}

/** Seconds that instructions took when they last ran, by their keys, the newest last. */
export type KnownTimes = ReadonlyMap<string, number>

/** How many instructions are remembered. */
const mostTimes = 1000

/** Bytes; more than so many instructions take. */
export const knownTimesLimit = 128 * 1024

/** A week: whatever took longer is none of a build's. */
const longest = 7 * 24 * 60 * 60

/** Does not tell the instruction, in which build arguments may be expanded. */
const keyOf = (engine: string, text: string): string => hexOf(digestOf(Buffer.from(JSON.stringify([engine, text]))))

const TimesDocument = z
  .record(z.string().regex(/^[0-9a-f]{64}$/), z.number().min(0).max(longest))
  .refine((times) => Object.keys(times).length <= mostTimes)

/**
 * The times that somebody who may write to the cache repository left there.
 * @throws {Failure} verification, when it is no object of keys and seconds.
 */
export const parseKnownTimes = (bytes: Uint8Array): KnownTimes => {
  let json: unknown
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch (cause) {
    throw verificationFailure('the times of instructions are not JSON', { cause })
  }
  const { data, error } = TimesDocument.safeParse(json)
  if (error) throw verificationFailure('the times of instructions are not seconds by key', { cause: error })
  return new Map(Object.entries(data))
}

export const encodeKnownTimes = (known: KnownTimes): Uint8Array =>
  Buffer.from(JSON.stringify(Object.fromEntries(known)))

/** The known times with those of a build, which are newer; where there are too many, the oldest are forgotten. */
export const updateKnownTimes = (known: KnownTimes, engine: string, { ran }: InstructionTimes): KnownTimes => {
  const updated = new Map(known)
  for (const [text, seconds] of ran) {
    const key = keyOf(engine, text)
    updated.delete(key)
    updated.set(key, Math.min(Number(seconds.toFixed(1)), longest))
  }
  return new Map([...updated].slice(-mostTimes))
}

/** What caches did for a build. */
export interface CacheUse {
  /** How many instructions were taken from one. */
  readonly hits: number
  /** How many of them have a known time. */
  readonly timedHits: number
  /** What those took when they last ran; undefined where there are none. */
  readonly secondsSaved: number | undefined
}

/** What the instructions that were taken from a cache would have taken. */
export const sumCacheUse = (known: KnownTimes, engine: string, { cached }: InstructionTimes): CacheUse => {
  const seconds = cached.flatMap((text) => (text === undefined ? [] : (known.get(keyOf(engine, text)) ?? [])))
  return {
    hits: cached.length,
    timedHits: seconds.length,
    secondsSaved: seconds.length === 0 ? undefined : seconds.reduce((sum, each) => sum + each, 0),
  }
}
