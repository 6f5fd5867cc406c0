// Here-documents: found as BuildKit finds them, and taken out of the text before the parser sees it.
import { splitWords, unquote } from './shell-words.ts'

export interface Heredoc {
  readonly name: string
  /** Whether variables in the content are expanded: no part of its name is quoted. */
  readonly expand: boolean
  readonly content: string
  /** The first line of the content, from 1. */
  readonly line: number
}

export interface HeredocText {
  /** The same text, line for line, with nothing in it that a parser could take for a heredoc. */
  readonly text: string
  /** The heredocs of an instruction, by the line on which it starts. */
  readonly heredocs: ReadonlyMap<number, readonly Heredoc[]>
  /** Lines of instructions whose heredoc never ends. */
  readonly unterminated: readonly number[]
}

/** Stands for `<` in the text that the parser sees; nobody writes it. */
const placeholder = '\u{E000}'

/** The text as it was written. */
export const restoreHeredocs = (text: string): string => text.replaceAll(placeholder, '<')

interface Opening {
  readonly name: string
  readonly expand: boolean
  readonly chomp: boolean
}

/** https://github.com/moby/buildkit/blob/master/frontend/dockerfile/parser/parser.go, reHeredoc. */
const openingPattern = /^\d*<<(-?)([^<]+)$/

const findOpenings = (line: string, escapeCharacter: string): Opening[] =>
  (splitWords(line, escapeCharacter) ?? []).flatMap((word): Opening[] => {
    const [, chomp, rest] = openingPattern.exec(word) ?? []
    if (rest === undefined) return []
    const name = unquote(rest, escapeCharacter)
    return [{ name, expand: name === rest, chomp: chomp === '-' }]
  })

const instructionPattern = /^\s*(?:ONBUILD\s+)?(?:RUN|COPY|ADD)\s/i

const isComment = (line: string): boolean => /^\s*#/.test(line)

/** The line without the escape that continues it, or undefined where it ends the instruction. */
const continued = (line: string, escapeCharacter: string): string | undefined => {
  const trimmed = line.replace(/[ \t]+$/, '')
  if (!trimmed.endsWith(escapeCharacter)) return undefined
  const before = trimmed.slice(0, -1)
  return before.endsWith(escapeCharacter) ? undefined : before
}

/** Takes the heredocs out of a Dockerfile whose lines end in `\n`. */
export const takeHeredocs = (text: string, escapeCharacter: string): HeredocText => {
  const heredocs = new Map<number, Heredoc[]>()
  const unterminated: number[] = []
  if (!text.includes('<<')) return { text, heredocs, unterminated }
  const lines = text.split('\n')
  for (let index = 0; index < lines.length; index++) {
    const start = index
    if (isComment(lines[index]!) || lines[index]!.trim() === '') continue
    let logical = ''
    for (; index < lines.length; index++) {
      const line = lines[index]!
      if (index > start && (isComment(line) || line.trim() === '')) continue
      const before = continued(line, escapeCharacter)
      logical += before ?? line
      if (before === undefined) break
    }
    if (!instructionPattern.test(logical)) continue
    const openings = findOpenings(logical, escapeCharacter)
    for (let line = start; line <= Math.min(index, lines.length - 1); line++)
      lines[line] = lines[line]!.replaceAll('<<', placeholder.repeat(2))
    for (const { name, expand, chomp } of openings) {
      const first = index + 1
      const own = (line: string): string => (chomp ? line.replace(/^\t+/, '') : line)
      let end = first
      while (end < lines.length && own(lines[end]!) !== name) end++
      if (end >= lines.length) unterminated.push(start + 1)
      const content = lines.slice(first, end).map((line) => `${own(line)}\n`)
      const found = heredocs.get(start + 1) ?? []
      heredocs.set(start + 1, [...found, { name, expand, content: content.join(''), line: first + 1 }])
      for (let line = first; line <= Math.min(end, lines.length - 1); line++) lines[line] = '#'
      index = Math.min(end, lines.length - 1)
    }
  }
  return { text: lines.join('\n'), heredocs, unterminated }
}
