// What variables are worth: global arguments, and ARG and ENV of a stage.
import { Failure, type Platform } from '@polyarch/oci'
import type { Dockerfile, Stage } from './dockerfile.ts'
import { type Expansion, expandWord, type Variables } from './expansion.ts'
import type { Instruction } from './instruction.ts'
import { automaticArgs } from './platform-args.ts'
import { baseStage, instructionsOf } from './stage-graph.ts'

export interface BuildSettings {
  /** Null: the last stage. */
  readonly target: string | null
  readonly platform: Platform
  /** The platform of the machine that builds. */
  readonly buildPlatform: Platform
  readonly args: Readonly<Record<string, string>>
}

/** `NAME=value` of ARG and ENV; `ENV NAME value` is the old form of one. */
const assignments = ({
  keyword,
  words,
}: Instruction): { readonly name: string; readonly value: string | undefined }[] => {
  const [first = ''] = words
  if (keyword === 'ENV' && !first.includes('=')) return [{ name: first, value: words.slice(1).join(' ') }]
  return joinQuoted(words).map((word) => {
    const equals = word.indexOf('=')
    return equals === -1
      ? { name: word, value: undefined }
      : { name: word.slice(0, equals), value: word.slice(equals + 1) }
  })
}

/** Words that a quote holds together are one. */
const joinQuoted = (words: readonly string[]): string[] => {
  const joined: string[] = []
  let open = ''
  for (const word of words) {
    const text = open === '' ? word : `${joined.pop()} ${word}`
    joined.push(text)
    open = ''
    for (let index = 0; index < text.length; index++) {
      const character = text[index]!
      if (character === '\\' && open !== "'") index++
      else if (open === '' && (character === '"' || character === "'")) open = character
      else if (character === open) open = ''
    }
  }
  return joined
}

/** The word expanded; one that cannot be is taken as it is, with nothing missing: the engine will say so. */
export const expandLeniently = (word: string, variables: Variables, escapeCharacter: string): Expansion => {
  try {
    return expandWord(word, variables, escapeCharacter)
  } catch (error) {
    if (error instanceof Failure) return { text: word, missing: [word] }
    throw error
  }
}

/** The variables that FROM may use: ARGs before it, given ones first, and the automatic ones. */
export const globalScope = (dockerfile: Dockerfile, settings: BuildSettings): Variables => {
  const scope = new Map(Object.entries(automaticArgs(settings.buildPlatform, settings.platform)))
  // An automatic argument that is given is what was given, also to FROM, declared or not.
  for (const [name, value] of Object.entries(settings.args)) if (scope.has(name)) scope.set(name, value)
  for (const instruction of dockerfile.globals.filter(({ keyword }) => keyword === 'ARG'))
    for (const { name, value } of assignments(instruction)) {
      const given = Object.hasOwn(settings.args, name) ? settings.args[name] : undefined
      if (given !== undefined) scope.set(name, given)
      else if (value !== undefined) scope.set(name, expandLeniently(value, scope, dockerfile.escape).text)
    }
  return scope
}

/** Walks a stage's instructions with the variables that each sees; gives those that are left for a stage built on it. */
export const walkStage = (
  dockerfile: Dockerfile,
  stage: Stage,
  settings: BuildSettings,
  visit: (instruction: Instruction, variables: Variables) => void = () => undefined,
): Variables => {
  const base = baseStage(dockerfile, stage)
  const globals = globalScope(dockerfile, settings)
  const environment = new Map(base ? walkStage(dockerfile, base, settings) : [])
  const args = new Map<string, string>()
  for (const instruction of instructionsOf(dockerfile, stage)) {
    const variables = new Map([...args, ...environment])
    visit(instruction, variables)
    if (instruction.keyword !== 'ARG' && instruction.keyword !== 'ENV') continue
    for (const { name, value } of assignments(instruction)) {
      const written = value === undefined ? undefined : expandLeniently(value, variables, dockerfile.escape).text
      if (instruction.keyword === 'ENV') environment.set(name, written ?? '')
      else {
        const given = Object.hasOwn(settings.args, name) ? settings.args[name] : undefined
        const actual = given ?? written ?? globals.get(name)
        if (actual !== undefined) args.set(name, actual)
      }
    }
  }
  return environment
}
