// Reads TOML files of the lifecycle, and changes single values in their text without touching the rest.
import { inputFailure } from '@polyarch/oci'
import { parse, TomlError } from 'smol-toml'
import { type AST, parseTOML } from 'toml-eslint-parser'
import type { z } from 'zod'

/** The largest file that is read, in bytes: the lifecycle's own are a few kilobytes. */
export const tomlSizeLimit = 4 * 1024 * 1024

type Table = Readonly<Record<string, unknown>>

/** smol-toml quotes the line after its message, which may be as long as the file. */
const describe = ({ message, line, column }: TomlError, path: string): string =>
  `${path}:${line}:${column}: ${(message.split('\n')[0] ?? message).replace(/^Invalid TOML document: /, '').slice(0, 200)}`

const parseTable = (text: string, path: string): Table => {
  try {
    // Numbers that JavaScript cannot hold are nobody's business here, but no reason to refuse the file.
    return parse(text, { integersAsBigInt: 'asNeeded' }) as Table
  } catch (cause) {
    if (!(cause instanceof TomlError)) throw cause
    throw inputFailure(describe(cause, path), { cause })
  }
}

/**
 * The part of a TOML file that the schema describes; `path` is how messages name the file.
 * @throws {Failure} input, naming line and column, or the key whose value is of the wrong kind.
 */
export const parseToml = <S extends z.ZodType>(schema: S, text: string, path: string): z.output<S> => {
  const parsed = schema.safeParse(parseTable(text, path))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw inputFailure(`${path}: ${issue?.path.join('.')}: ${issue?.message}`)
}

type Path = readonly (string | number)[]

interface PlacedValue {
  readonly path: Path
  readonly node: AST.TOMLContentNode
}

const keyNames = (key: AST.TOMLKey): string[] =>
  key.keys.map((part) => (part.type === 'TOMLBare' ? part.name : part.value))

/** Every value that a key of a table, standard or inline, has in the text. */
function* placeValues(bodies: Iterable<AST.TOMLNode>, prefix: Path): Generator<PlacedValue> {
  for (const node of bodies) {
    if (node.type === 'TOMLTable') yield* placeValues(node.body, node.resolvedKey)
    if (node.type !== 'TOMLKeyValue') continue
    const path = [...prefix, ...keyNames(node.key)]
    if (node.value.type === 'TOMLInlineTable') yield* placeValues(node.value.body, path)
    else yield { path, node: node.value }
  }
}

/** A value to be written in the place of another one. */
export interface TomlEdit {
  readonly path: readonly string[]
  readonly value: string | boolean
}

const byteOrderMark = '\u{FEFF}'

/**
 * The text with the values replaced; every other character stays. A path that is not there is left out.
 * @throws {Failure} input, when it is no TOML.
 */
export const replaceValues = (text: string, edits: readonly TomlEdit[], path: string): string => {
  // The parser that knows places follows nesting by recursion; the other one has a limit, so it goes first.
  parseTable(text, path)
  const start = text.startsWith(byteOrderMark) ? 1 : 0
  const values = [...placeValues(parseTOML(text.slice(start)).body[0].body, [])]
  const changes = edits.flatMap((edit) => {
    const key = JSON.stringify(edit.path)
    const found = values.find((value) => JSON.stringify(value.path) === key)
    return found === undefined ? [] : [{ range: found.node.range, value: edit.value }]
  })
  changes.sort((left, right) => right.range[0] - left.range[0])
  return changes.reduce(
    (edited, { range: [from, to], value }) =>
      // A JSON string is a TOML string too (https://toml.io/en/v1.0.0#string).
      `${edited.slice(0, start + from)}${JSON.stringify(value)}${edited.slice(start + to)}`,
    text,
  )
}
