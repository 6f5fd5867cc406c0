// Guesses what a mistyped word was meant to be.
import { distance } from 'fastest-levenshtein'

/** The known word nearest to the given one, or undefined where none is near enough to be what was meant. */
const nearestWord = (word: string, known: readonly string[]): string | undefined => {
  const scored = known
    .map((candidate) => ({ candidate, cost: distance(word.toLowerCase().replaceAll('_', '-'), candidate) }))
    .sort((left, right) => left.cost - right.cost)
  const [best] = scored
  return best && best.cost <= Math.max(2, Math.floor(word.length / 3)) ? best.candidate : undefined
}

/** `: did you mean "context"?`, or the list of what is known. */
export const suggestWord = (word: string, known: readonly string[]): string => {
  const near = nearestWord(word, known)
  return near === undefined ? `: known are ${known.join(', ')}` : `: did you mean "${near}"?`
}
