// Takes a Dockerfile apart after WORKDIRs, for engines that make another directory there than the lifecycle's extender.
import { parseDockerfile } from '@polyarch/dockerfile'

/** A part of a Dockerfile: a Dockerfile of its own, whose lines are where they were. */
export interface DockerfilePart {
  readonly text: string
  /** Whether its last instruction is a WORKDIR. */
  readonly endsWithWorkdir: boolean
}

/**
 * The parts, each to be built on the one before: what an image keeps is not said again, and ARGs, which it does not keep,
 * are. Where no WORKDIR is cut after, the Dockerfile is its own only part. `isCut` is asked with the user as the
 * Dockerfile writes it; before the first USER it is the image's.
 */
export const splitAtWorkdirs = (
  text: string,
  imageUser: string,
  isCut: (user: string) => boolean,
): readonly DockerfilePart[] => {
  const instructions = parseDockerfile(text).stages[0]?.instructions ?? []
  const [first] = instructions
  if (first === undefined) return [{ text, endsWithWorkdir: false }]
  const lines = text.split('\n')
  const endOf = (index: number): number => instructions[index + 1]?.line ?? lines.length + 1
  const write = (from: number, to: number): string => {
    const kept = new Set(
      instructions.flatMap(({ keyword, line }, index) =>
        (index >= from && index <= to) || (index < from && keyword === 'ARG')
          ? Array.from({ length: endOf(index) - line }, (_, offset) => line + offset)
          : [],
      ),
    )
    return lines.map((line, index) => (index + 1 < first.line || kept.has(index + 1) ? line : '')).join('\n')
  }
  const parts: DockerfilePart[] = []
  let from = 0
  let user = imageUser
  for (const [index, { keyword, words }] of instructions.entries()) {
    if (keyword === 'USER') user = words.join(' ')
    if (keyword !== 'WORKDIR' || !isCut(user)) continue
    parts.push({ text: write(from, index), endsWithWorkdir: true })
    from = index + 1
  }
  if (from === 0 || instructions.slice(from).some(({ keyword }) => keyword !== 'ARG'))
    parts.push({ text: write(from, instructions.length - 1), endsWithWorkdir: false })
  return parts
}
