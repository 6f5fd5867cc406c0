// What made a layer, as the Dockerfile says it: every engine words its history in its own way.
import type { Instruction } from '@polyarch/dockerfile'

/** Instructions that may make a layer. */
const layerMakers = new Set(['ADD', 'COPY', 'RUN', 'WORKDIR'])

/** The instruction as it was written, with continued lines joined. */
const textOf = ({ keyword, flags, words }: Instruction): string =>
  [keyword, ...flags.map(({ name, value }) => `--${name}${value === null ? '' : `=${value}`}`), ...words].join(' ')

/** Which instruction a history entry is of: docker's classic wording names none for RUN. */
const keywordOf = (createdBy: string): string => {
  const [, nop] = /#\(nop\)\s+([A-Z]+)\b/.exec(createdBy) ?? []
  const [, plain] = /^([A-Z]+)\b/.exec(createdBy) ?? []
  return nop ?? (plain !== undefined && layerMakers.has(plain) ? plain : 'RUN')
}

const squeeze = (text: string): string => text.replace(/[\s"[\],]+/g, ' ').trim()

/** How much of the entry is that RUN's: every engine ends with the command's own words. */
const matchOf = ({ words }: Instruction, createdBy: string): number => {
  const command = squeeze(words.join(' '))
  return squeeze(createdBy.replace(/ # buildkit$/, '')).endsWith(command) ? command.length : 0
}

/** The instructions of a stage that made its layers, from the engine's words for them, in their order. */
export const nameLayers = (instructions: readonly Instruction[], createdBy: readonly string[]): readonly string[] => {
  const makers = instructions.filter(({ keyword }) => layerMakers.has(keyword))
  let next = 0
  return createdBy.map((written) => {
    const keyword = keywordOf(written)
    const later = makers.map((maker, position) => ({ maker, position })).slice(next)
    const ofKind = later.filter(({ maker }) => maker.keyword === keyword)
    // One command may end like another: the longest that fits is meant.
    const matches = ofKind.map(({ maker }) => (keyword === 'RUN' ? matchOf(maker, written) : 1))
    const found = ofKind[matches.indexOf(Math.max(...matches))]
    if (found === undefined) return written.replace(/ # buildkit$/, '')
    next = found.position + 1
    return textOf(found.maker)
  })
}
