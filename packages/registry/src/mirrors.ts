// Reading through mirrors: the first one that has something, else the origin.
import { isStoreError } from '@polyarch/oci'
import type { Source } from './download.ts'

export interface MirroredSource {
  readonly origin: Source
  /** In the order in which they are asked; none where only the origin's word counts. */
  readonly mirrors: readonly Source[]
  readonly onRetry: (line: string) => void
}

export interface MirroredReads {
  /** The first mirror's answer, else the origin's; a mirror that fails is passed over with a line in the log. */
  read<T extends object>(read: (source: Source) => Promise<T>): Promise<T>
  /**
   * What the first source finds that has something. Where a mirror answered that it has nothing and the origin fails,
   * the mirror's word counts, with a line in the log: behind a firewall there is nobody else to ask.
   */
  find<T>(look: (source: Source) => Promise<T | undefined>): Promise<T | undefined>
}

/** Reads for one repository. */
export const createMirroredReads = ({ origin, mirrors, onRetry }: MirroredSource): MirroredReads => {
  const location = `${origin.host.name}/${origin.repository}`
  /** The origin's answer to the first question that a mirror knew nothing about: all others wait for it. */
  let firstAnswer: Promise<unknown> | undefined
  let isOriginLost = false

  const askMirrors = async <T>(look: (source: Source) => Promise<T | undefined>) => {
    let isAnswered = false
    for (const mirror of mirrors) {
      if (mirror.host.facts.isGone) continue
      try {
        const found = await look(mirror)
        if (found !== undefined) return { found, isAnswered: true }
        isAnswered = true
      } catch (error) {
        if (!isStoreError(error)) throw error
        if (error.code === 'UNREACHABLE') mirror.host.facts.isGone = true
        onRetry(`${error.message}; reading on from ${location}`)
      }
    }
    return { found: undefined, isAnswered }
  }

  const askOrigin = async <T>(look: (source: Source) => Promise<T | undefined>): Promise<T | undefined> => {
    await firstAnswer?.catch(() => undefined)
    if (isOriginLost) return undefined
    const answer = look(origin)
    firstAnswer ??= answer
    try {
      return await answer
    } catch (error) {
      if (!isStoreError(error)) throw error
      if (!isOriginLost) onRetry(`${error.message}; going by what the mirrors of ${location} have`)
      isOriginLost = true
      return undefined
    }
  }

  return {
    read: async (read) => (await askMirrors(read)).found ?? (await read(origin)),
    find: async (look) => {
      const { found, isAnswered } = await askMirrors(look)
      if (found !== undefined) return found
      return isAnswered ? await askOrigin(look) : await look(origin)
    },
  }
}
