// Problems in files that people write: all of them are told at once, each with its place.
import { Failure } from '@polyarch/oci'

/** Where something stands in a file; line and column start at 1, the file is relative to the workspace. */
export interface Place {
  readonly file: string
  readonly line?: number
  readonly column?: number
}

export interface Problem {
  readonly place: Place
  /** What is wrong, and what would be right. */
  readonly message: string
}

/** `polyarch.yaml:12:5`, as editors and forges link it. */
export const formatPlace = ({ file, line, column }: Place): string =>
  [file, ...(line === undefined ? [] : [line]), ...(line === undefined || column === undefined ? [] : [column])].join(
    ':',
  )

const byPlace = (left: Problem, right: Problem): number =>
  (left.place.file < right.place.file ? -1 : left.place.file > right.place.file ? 1 : 0) ||
  (left.place.line ?? 0) - (right.place.line ?? 0) ||
  (left.place.column ?? 0) - (right.place.column ?? 0)

/** A failure that lists every problem, one line each, in the order of the file. */
export const problemsFailure = (problems: readonly Problem[]): Failure =>
  new Failure(
    'input',
    [...new Set(problems.toSorted(byPlace).map(({ place, message }) => `${formatPlace(place)}: ${message}`))].join(
      '\n',
    ),
  )
