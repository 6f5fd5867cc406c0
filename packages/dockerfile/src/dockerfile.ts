// A Dockerfile as directives, global arguments and stages, with the line of everything.
import { inputFailure } from '@polyarch/oci'
import { DockerfileParser, type Flag as ParsedFlag, type Instruction as ParsedInstruction } from 'dockerfile-ast'
import { restoreHeredocs, takeHeredocs } from './heredoc.ts'
import type { Flag, Instruction } from './instruction.ts'

export interface Directive {
  /** In lower case: syntax, escape or check. */
  readonly name: string
  readonly value: string
  readonly line: number
}

export interface Stage {
  readonly index: number
  /** As `AS` names it, in lower case; null without. */
  readonly name: string | null
  readonly from: Instruction
  /** What follows FROM. */
  readonly instructions: readonly Instruction[]
}

export interface DockerfileProblem {
  readonly line: number
  readonly message: string
}

export interface Dockerfile {
  readonly directives: readonly Directive[]
  /** The character that continues a line: \ or `. */
  readonly escape: string
  /** The ARGs before the first FROM. */
  readonly globals: readonly Instruction[]
  readonly stages: readonly Stage[]
  /** What no engine would build. */
  readonly problems: readonly DockerfileProblem[]
}

const keywords = new Set([
  'ADD',
  'ARG',
  'CMD',
  'COPY',
  'ENTRYPOINT',
  'ENV',
  'EXPOSE',
  'FROM',
  'HEALTHCHECK',
  'LABEL',
  'MAINTAINER',
  'ONBUILD',
  'RUN',
  'SHELL',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
])

const jsonInstructions = new Set(['ADD', 'CMD', 'COPY', 'ENTRYPOINT', 'RUN', 'SHELL', 'VOLUME'])

const readFlags = (parsed: ParsedInstruction): Flag[] => {
  const flags = 'getFlags' in parsed && typeof parsed.getFlags === 'function' ? (parsed.getFlags() as ParsedFlag[]) : []
  return flags.map((flag) => ({
    name: flag.getName(),
    value: flag.getValue() === null ? null : restoreHeredocs(flag.getValue() ?? ''),
    line: flag.getRange().start.line + 1,
  }))
}

const readJson = (keyword: string, text: string): readonly string[] | undefined => {
  if (!jsonInstructions.has(keyword) || !text.startsWith('[')) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) && value.every((entry) => typeof entry === 'string') ? value : undefined
  } catch (error) {
    // What looks like JSON and is none is shell form: `[ -f x ] && y` is a command.
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

const readInstruction = (parsed: ParsedInstruction, heredocs: Instruction['heredocs']): Instruction => {
  const keyword = parsed.getKeyword()
  const range = parsed.getRange()
  const words = parsed.getArguments().map((argument) => restoreHeredocs(argument.getValue()))
  const trigger =
    keyword === 'ONBUILD' && 'getTriggerInstruction' in parsed
      ? (parsed.getTriggerInstruction as () => ParsedInstruction | null).call(parsed)
      : null
  return {
    keyword,
    line: range.start.line + 1,
    endLine: range.end.line + 1,
    column: range.start.character + 1,
    flags: readFlags(parsed),
    words,
    json: readJson(keyword, words.join(' ')),
    heredocs: trigger === null ? heredocs : [],
    trigger: trigger === null ? undefined : readInstruction(trigger, heredocs),
  }
}

const stageName = (from: Instruction): string | null => {
  const [, as, name] = from.words
  return as?.toUpperCase() === 'AS' && name !== undefined ? name.toLowerCase() : null
}

const findProblems = (globals: readonly Instruction[], stages: readonly Stage[]): DockerfileProblem[] => {
  const all = [...globals, ...stages.flatMap(({ instructions }) => instructions)]
  return [
    ...all
      .filter(({ keyword }) => !keywords.has(keyword))
      .map(({ keyword, line }) => ({ line, message: `${keyword} is not an instruction` })),
    ...globals
      .filter(({ keyword }) => keywords.has(keyword) && keyword !== 'ARG')
      .map(({ keyword, line }) => ({ line, message: `${keyword} before the first FROM: only ARG may stand there` })),
    ...stages
      .filter(({ from }) => from.words.length !== 1 && !(from.words.length === 3 && stageName(from) !== null))
      .map(({ from }) => ({ line: from.line, message: 'expected FROM image or FROM image AS name' })),
    ...(stages.length === 0 ? [{ line: 1, message: 'there is no FROM' }] : []),
  ]
}

/** The largest Dockerfile that is read, in characters, and the most stages that it may have. */
const sizeLimit = 1024 * 1024
const stageLimit = 1000

/**
 * Reads a Dockerfile; what is wrong with it is in `problems`.
 * @throws {Failure} input, for one that is too large to be one.
 */
export const parseDockerfile = (source: string): Dockerfile => {
  if (source.length > sizeLimit) throw inputFailure(`the Dockerfile has more than ${sizeLimit} characters`)
  const written = source.replace(/^\u{FEFF}/u, '').replaceAll('\r\n', '\n')
  const directives = DockerfileParser.parse(written.slice(0, directivesEnd(written)))
    .getDirectives()
    .map((directive) => ({
      name: directive.getName().toLowerCase(),
      value: directive.getValue(),
      line: directive.getRange().start.line + 1,
    }))
  const escapeCharacter = directives.find(({ name }) => name === 'escape')?.value === '`' ? '`' : '\\'
  const { text, heredocs, unterminated } = takeHeredocs(written, escapeCharacter)
  const instructions = DockerfileParser.parse(text)
    .getInstructions()
    .map((parsed) => readInstruction(parsed, heredocs.get(parsed.getRange().start.line + 1) ?? []))

  const first = instructions.findIndex(({ keyword }) => keyword === 'FROM')
  const globals = first === -1 ? instructions : instructions.slice(0, first)
  const stages: { index: number; name: string | null; from: Instruction; instructions: Instruction[] }[] = []
  for (const instruction of first === -1 ? [] : instructions.slice(first)) {
    if (instruction.keyword === 'FROM')
      stages.push({ index: stages.length, name: stageName(instruction), from: instruction, instructions: [] })
    else stages.at(-1)?.instructions.push(instruction)
  }
  if (stages.length > stageLimit) throw inputFailure(`the Dockerfile has more than ${stageLimit} stages`)
  return {
    directives,
    escape: escapeCharacter,
    globals,
    stages,
    problems: [
      ...findProblems(globals, stages),
      ...unterminated.map((line) => ({ line, message: 'a heredoc that begins here never ends' })),
    ],
  }
}

/** Directives stand in the comments before everything else. */
const directivesEnd = (text: string): number => {
  const end = /^(?!#).*$/m.exec(text)
  return end === null ? text.length : end.index
}
