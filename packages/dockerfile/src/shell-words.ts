// Splits a line into words as BuildKit's shell lexer does: at blanks outside of quotes; quotes and escapes are kept.

/** The words of the line; undefined where a quote is not closed. */
export const splitWords = (line: string, escapeCharacter: string): string[] | undefined => {
  const words: string[] = []
  let word = ''
  let started = false
  for (let index = 0; index < line.length; index++) {
    const character = line[index]!
    if (/\s/.test(character)) {
      if (started) words.push(word)
      word = ''
      started = false
      continue
    }
    started = true
    if (character === escapeCharacter && escapeCharacter !== '' && index + 1 < line.length) {
      word += character + line[++index]!
    } else if (character === "'") {
      const end = line.indexOf("'", index + 1)
      if (end === -1) return undefined
      word += line.slice(index, end + 1)
      index = end
    } else if (character === '"') {
      let end = index + 1
      while (end < line.length && line[end] !== '"') end += line[end] === escapeCharacter ? 2 : 1
      if (end >= line.length) return undefined
      word += line.slice(index, end + 1)
      index = end
    } else word += character
  }
  if (started) words.push(word)
  return words
}

/** A word without its quotes and escapes. */
export const unquote = (word: string, escapeCharacter: string): string => {
  let result = ''
  let quote = ''
  for (let index = 0; index < word.length; index++) {
    const character = word[index]!
    if (quote === '' && (character === "'" || character === '"')) quote = character
    else if (character === quote) quote = ''
    else if (character === escapeCharacter && quote !== "'" && index + 1 < word.length) {
      const next = word[index + 1]!
      // Inside double quotes an escape only escapes what would otherwise mean something.
      if (quote === '"' && next !== '"' && next !== '$' && next !== escapeCharacter) result += character
      else {
        result += next
        index++
      }
    } else result += character
  }
  return result
}
