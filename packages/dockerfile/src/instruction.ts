// One instruction of a Dockerfile: its words, flags and heredocs, and the lines where it stands.
import type { Heredoc } from './heredoc.ts'

export interface Flag {
  readonly name: string
  /** Null for a flag without `=`. */
  readonly value: string | null
  readonly line: number
}

export interface Instruction {
  /** In upper case. */
  readonly keyword: string
  /** First and last line, from 1; the last is that of the instruction itself, not of its heredocs. */
  readonly line: number
  readonly endLine: number
  readonly column: number
  readonly flags: readonly Flag[]
  /** What follows the flags, with continued lines joined and split at blanks; quotes are kept. */
  readonly words: readonly string[]
  /** The words of the exec form (`["a", "b"]`); undefined for the shell form. */
  readonly json: readonly string[] | undefined
  readonly heredocs: readonly Heredoc[]
  /** The instruction after ONBUILD. */
  readonly trigger: Instruction | undefined
}

/** The value of the first flag of that name; undefined where it is not given, '' where it has none. */
export const flagValue = ({ flags }: Instruction, name: string): string | undefined => {
  const flag = flags.find((candidate) => candidate.name === name)
  return flag && (flag.value ?? '')
}

/** The instruction in one short line, as messages quote it. */
export const describeInstruction = ({ keyword, flags, words }: Instruction): string => {
  const all = [keyword, ...flags.map(({ name, value }) => `--${name}${value === null ? '' : `=${value}`}`), ...words]
  const text = all.join(' ')
  return text.length <= 80 ? text : `${text.slice(0, 79)}…`
}
