// Scripts for sh: what a user would type, quoted; several commands one after the other or at once.

/** A command line, quoted. */
export const command = (...words: readonly string[]): string =>
  words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ')

/** The commands one after the other; the first that fails ends the script. */
export const inTurn = (...commands: readonly string[]): string => commands.join('\n')

/** The commands side by side, and on when the last has ended; one that fails ends the script. */
export const atOnce = (...commands: readonly string[]): string => {
  const started = commands.map((line, index) => `${line} & p${index}=$!`)
  return [...started, ...commands.map((_, index) => `wait $p${index}`)].join('\n')
}
