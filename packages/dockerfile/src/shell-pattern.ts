// Shell patterns (* and ?) on values: `${name#pattern}` and its like. Takes no longer than pattern times value.

type Token = { readonly kind: 'any' } | { readonly kind: 'one' } | { readonly kind: 'text'; readonly text: string }

const tokenize = (pattern: string): Token[] =>
  [...pattern.matchAll(/\\(.)|(.)/gsu)].map(([, escaped, plain = '']): Token => {
    if (escaped !== undefined) return { kind: 'text', text: escaped }
    if (plain === '*') return { kind: 'any' }
    return plain === '?' ? { kind: 'one' } : { kind: 'text', text: plain }
  })

/** Every length of the value's beginning that the pattern matches, shortest first. */
const matchLengths = (characters: readonly string[], start: number, tokens: readonly Token[]): number[] => {
  let positions = new Set([start])
  for (const token of tokens) {
    const next = new Set<number>()
    if (token.kind === 'any') {
      const first = Math.min(...positions)
      for (let position = first; position <= characters.length; position++) next.add(position)
    } else
      for (const position of positions)
        if (position < characters.length && (token.kind === 'one' || characters[position] === token.text))
          next.add(position + 1)
    if (next.size === 0) return []
    positions = next
  }
  return [...positions].map((position) => position - start).sort((left, right) => left - right)
}

/** The value without its shortest or longest beginning that matches. */
export const removePrefix = (value: string, pattern: string, longest: boolean): string => {
  const characters = Array.from(value)
  const lengths = matchLengths(characters, 0, tokenize(pattern))
  return characters.slice(longest ? lengths.at(-1) : lengths[0]).join('')
}

/** The value without its shortest or longest end that matches. */
export const removeSuffix = (value: string, pattern: string, longest: boolean): string => {
  const characters = Array.from(value).reverse()
  const lengths = matchLengths(characters, 0, tokenize(pattern).reverse())
  return characters
    .slice(longest ? lengths.at(-1) : lengths[0])
    .reverse()
    .join('')
}

/** The value with the first, or every, longest match replaced. */
export const replacePattern = (value: string, pattern: string, replacement: string, all: boolean): string => {
  const characters = Array.from(value)
  const tokens = tokenize(pattern)
  let result = ''
  let position = 0
  let open = tokens.length > 0
  while (position < characters.length) {
    const length = open ? (matchLengths(characters, position, tokens).at(-1) ?? 0) : 0
    if (length === 0) result += characters[position++]!
    else {
      result += replacement
      position += length
      open = all
    }
  }
  return result
}
