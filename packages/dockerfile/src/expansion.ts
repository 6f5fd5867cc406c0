// Expands variables in a word with every operator of BuildKit's shell lexer
// (https://docs.docker.com/reference/dockerfile/#environment-replacement).
import { inputFailure } from '@polyarch/oci'
import { removePrefix, removeSuffix, replacePattern } from './shell-pattern.ts'

export type Variables = ReadonlyMap<string, string>

export interface Expansion {
  readonly text: string
  /** Variables that had no value where one was needed. */
  readonly missing: readonly string[]
}

/** The longest text that a word may become, in characters: variables that double each other must not fill the memory. */
const textLimit = 16_384
const depthLimit = 100

const namePattern = /^(?:[A-Za-z_]\w*|\d+|[@*#])/

/** One expansion of a word: a cursor over its characters. */
class Lexer {
  readonly #source: string
  readonly #escape: string
  readonly #variables: Variables
  readonly missing: string[] = []
  #position = 0
  #depth = 0
  #length = 0

  constructor(source: string, escapeCharacter: string, variables: Variables) {
    this.#source = source
    this.#escape = escapeCharacter
    this.#variables = variables
  }

  /** Reads until one of the stops, outside of quotes, or to the end. */
  readUntil(stops = ''): string {
    let result = ''
    while (this.#position < this.#source.length) {
      const character = this.#source[this.#position]!
      if (stops.includes(character)) break
      this.#position++
      if (character === "'") result += this.#readSingleQuoted()
      else if (character === '"') result += this.#readDoubleQuoted()
      else if (character === '$') result += this.#readVariable()
      else if (character === this.#escape && this.#position < this.#source.length)
        result += this.#source[this.#position++]!
      else result += character
    }
    return result
  }

  #readSingleQuoted(): string {
    const end = this.#source.indexOf("'", this.#position)
    if (end === -1) throw inputFailure(`a ' is not closed in "${this.#source}"`)
    const text = this.#source.slice(this.#position, end)
    this.#position = end + 1
    return text
  }

  #readDoubleQuoted(): string {
    let result = ''
    for (;;) {
      const character = this.#source[this.#position++]
      if (character === undefined) throw inputFailure(`a " is not closed in "${this.#source}"`)
      if (character === '"') return result
      if (character === '$') result += this.#readVariable()
      else if (character === this.#escape && '"$'.concat(this.#escape).includes(this.#source[this.#position] ?? ' '))
        result += this.#source[this.#position++]!
      else result += character
    }
  }

  #readName(): string {
    const [name = ''] = namePattern.exec(this.#source.slice(this.#position)) ?? []
    this.#position += name.length
    return name
  }

  #valueOf(name: string): string {
    const value = this.#variables.get(name)
    if (value === undefined) this.missing.push(name)
    this.#length += value?.length ?? 0
    if (this.#length > textLimit) throw inputFailure(`"${name}" makes a text of more than ${textLimit} characters`)
    return value ?? ''
  }

  #take(text: string): boolean {
    if (!this.#source.startsWith(text, this.#position)) return false
    this.#position += text.length
    return true
  }

  #readVariable(): string {
    if (!this.#take('{')) {
      const name = this.#readName()
      return name === '' ? '$' : this.#valueOf(name)
    }
    const name = this.#readName()
    if (++this.#depth > depthLimit) throw inputFailure(`variables are nested more than ${depthLimit} deep`)
    const value = this.#readModified(name)
    this.#depth--
    if (!this.#take('}'))
      throw inputFailure(`"\${${name}" has a modifier that is not known, or is not closed, in "${this.#source}"`)
    return value
  }

  #readModified(name: string): string {
    if (name === '') return ''
    if (this.#source[this.#position] === '}') return this.#valueOf(name)
    const set = this.#variables.get(name)
    const colon = this.#take(':')
    // With a colon an empty value counts as none.
    const given = colon ? set !== undefined && set !== '' : set !== undefined
    if (this.#take('-')) return this.#choose(given, set ?? '')
    if (this.#take('+')) {
      const word = this.readUntil('}')
      return given ? word : ''
    }
    if (this.#take('?')) {
      const message = this.readUntil('}')
      if (!given) throw inputFailure(`${name}: ${message || 'is not set'}`)
      return set ?? ''
    }
    if (colon) return ''
    for (const [operator, remove] of [
      ['#', removePrefix],
      ['%', removeSuffix],
    ] as const)
      if (this.#take(operator)) {
        const greedy = this.#take(operator)
        const pattern = this.#readRaw('}')
        return remove(this.#valueOf(name), pattern, greedy)
      }
    if (this.#take('/')) {
      const all = this.#take('/')
      const pattern = this.#readRaw('/}')
      const replacement = this.#take('/') ? this.readUntil('}') : ''
      return replacePattern(this.#valueOf(name), pattern, replacement, all)
    }
    return ''
  }

  /** The default: what it misses counts only where it is used. */
  #choose(given: boolean, value: string): string {
    const missing = this.missing.length
    const word = this.readUntil('}')
    if (given) this.missing.length = missing
    return given ? value : word
  }

  /** A pattern: variables in it are expanded, escapes are kept for the pattern itself. */
  #readRaw(stops: string): string {
    let result = ''
    while (this.#position < this.#source.length) {
      const character = this.#source[this.#position]!
      if (stops.includes(character)) break
      this.#position++
      if (character === '$') result += this.#readVariable()
      else if (character === this.#escape && this.#position < this.#source.length)
        result += `\\${this.#source[this.#position++]!}`
      else result += character
    }
    return result
  }
}

/**
 * The word with variables expanded and quotes removed.
 * @throws {Failure} input, for a `${name:?message}` that is not set and for syntax that is none.
 */
export const expandWord = (word: string, variables: Variables, escapeCharacter = '\\'): Expansion => {
  const lexer = new Lexer(word, escapeCharacter, variables)
  return { text: lexer.readUntil(), missing: lexer.missing }
}

/** The names of the variables that a text uses, whatever they are worth. */
export const usedVariables = (text: string): string[] =>
  [...text.matchAll(/(?<!\\)\$(?:\{([A-Za-z_]\w*)|([A-Za-z_]\w*))/g)].map(([, braced, plain]) => braced ?? plain ?? '')
