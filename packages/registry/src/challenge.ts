// WWW-Authenticate: which ways to authenticate a server offers (RFC 9110 section 11.6.1).

export interface Challenge {
  /** Lower case: `basic`, `bearer`. */
  readonly scheme: string
  /** By lower-case name. */
  readonly parameters: ReadonlyMap<string, string>
}

const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y
const token68 = /[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))/y
const quoted = /"((?:[^"\\]|\\.)*)"/sy
const space = /[ \t]*/y
const separators = /[ \t,]*/y

/** The challenges of all WWW-Authenticate headers in their order; what cannot be read is passed over. */
export const parseChallenges = (header: string | readonly string[] | undefined): Challenge[] => {
  const text = typeof header === 'string' ? header : (header ?? []).join(', ')
  const challenges: { scheme: string; parameters: Map<string, string> }[] = []
  let position = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position
    const match = pattern.exec(text)
    if (match) position = pattern.lastIndex
    return match
  }
  while (position < text.length) {
    take(separators)
    const name = take(token)?.[0]
    if (name === undefined) {
      // Nothing that the grammar knows: on to the next comma.
      const comma = text.indexOf(',', position)
      position = comma === -1 ? text.length : comma + 1
      continue
    }
    const afterName = position
    take(space)
    const current = challenges.at(-1)
    if (text[position] === '=' && current) {
      position += 1
      take(space)
      const value = take(quoted)?.[1]?.replace(/\\(.)/gs, '$1') ?? take(token)?.[0]
      if (value !== undefined && !current.parameters.has(name.toLowerCase()))
        current.parameters.set(name.toLowerCase(), value)
    } else {
      challenges.push({ scheme: name.toLowerCase(), parameters: new Map() })
      if (position > afterName) take(token68)
    }
  }
  return challenges
}
