// What a test run came to: the counts, and which part each skipped test lacked.
import type { Lack, Part } from '@polyarch/parts'

export interface TestOutcome {
  readonly file: string
  /** The test's name behind those of its suites. */
  readonly name: string
  readonly state: 'passed' | 'failed' | 'skipped' | 'pending'
  /** The lines of the test and of its suites, the innermost first. */
  readonly lines: readonly number[]
}

export interface Summary {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** How many tests were skipped for want of each part; a test that lacks several counts for the first. */
  readonly lacking: ReadonlyMap<Part, number>
  /** The tests that were skipped for no missing part. */
  readonly unexplained: readonly string[]
}

/**
 * The call of lacks() that a skipped test stands behind: the nearest one at or above the test or one of its suites.
 * A formatter may break `describe.skipIf(lacks(…))(…)` so that the call is a line or two below the suite's.
 */
const findLack = (outcome: TestOutcome, lacks: readonly Lack[]): Lack | undefined => {
  const inFile = lacks.filter(({ file }) => file === outcome.file)
  for (const line of outcome.lines) {
    const near = inFile.find((lack) => lack.line >= line && lack.line <= line + 2)
    if (near) return near
  }
  const [line = 0] = outcome.lines
  return inFile.filter((lack) => lack.line < line).toSorted((left, right) => right.line - left.line)[0]
}

/** Counts the outcomes; a test that never finished counts as failed. */
export const summarise = (outcomes: readonly TestOutcome[], lacks: readonly Lack[]): Summary => {
  const count = (...states: TestOutcome['state'][]): number =>
    outcomes.filter(({ state }) => states.includes(state)).length
  const lacking = new Map<Part, number>()
  const unexplained: string[] = []
  for (const outcome of outcomes.filter(({ state }) => state === 'skipped')) {
    const part = findLack(outcome, lacks)?.parts[0]
    if (part) lacking.set(part, (lacking.get(part) ?? 0) + 1)
    else unexplained.push(`${outcome.file}: ${outcome.name}`)
  }
  return {
    passed: count('passed'),
    failed: count('failed', 'pending'),
    skipped: count('skipped'),
    lacking,
    unexplained,
  }
}

/** The last line of every run, by which a machine reads it. */
export const formatCounts = ({ passed, failed, skipped }: Pick<Summary, 'passed' | 'failed' | 'skipped'>): string =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`
