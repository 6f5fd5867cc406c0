// Keeps the owners of what an extension copies: the lifecycle's extender leaves them, most engines make all of it root's.
import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { flagValue, type Instruction, parseDockerfile } from '@polyarch/dockerfile'

/** A user and a group by their numbers. */
export interface Owner {
  readonly uid: number
  readonly gid: number
}

/**
 * The one owner of all that lies in the directory, itself included; undefined where there are several. What belongs to
 * `self`, the user of this process, counts as root's, for it is root wherever the process can only be that in a namespace.
 */
export const findOwner = async (directory: string, self: number): Promise<Owner | undefined> => {
  let owner: Owner | undefined
  const isOther = async (path: string): Promise<boolean> => {
    const { uid, gid } = await lstat(path)
    const found = uid === self ? { uid: 0, gid: 0 } : { uid, gid }
    owner ??= found
    return owner.uid !== found.uid || owner.gid !== found.gid
  }
  const pending = [directory]
  if (await isOther(directory)) return undefined
  for (let next = pending.pop(); next !== undefined; next = pending.pop())
    for (const entry of await readdir(next, { withFileTypes: true })) {
      const path = join(next, entry.name)
      if (await isOther(path)) return undefined
      if (entry.isDirectory()) pending.push(path)
    }
  return owner
}

/** An archive keeps the owners that it says, and what comes from elsewhere has none. */
const isCopied = (source: string): boolean =>
  !/^(?:https?|ssh|git):|^git@|\.git(?:#|$)/.test(source) &&
  !/\.(?:tar|tgz|tbz2?|txz|tar\.\w+|gz|bz2|xz|zst)$/i.test(source)

/** Whether the instruction copies files of the context, and does not say whose they become. */
const keepsOwners = (instruction: Instruction): boolean => {
  const { keyword, json, words, heredocs } = instruction
  if (keyword !== 'COPY' && keyword !== 'ADD') return false
  if (heredocs.length > 0 || ['chown', 'from'].some((flag) => flagValue(instruction, flag) !== undefined)) return false
  return keyword === 'COPY' || (json ?? words).slice(0, -1).every(isCopied)
}

/** The instructions that copy from the context without saying whose the files become. */
export const findCopies = (text: string): readonly Instruction[] =>
  parseDockerfile(text).stages.flatMap(({ instructions }) => instructions.filter(keepsOwners))

/** The Dockerfile's text in which these instructions say the owner; every other line stays as it was. */
export const writeOwner = (text: string, copies: readonly Instruction[], { uid, gid }: Owner): string => {
  const lines = text.split('\n')
  for (const { line } of copies)
    lines[line - 1] = (lines[line - 1] ?? '').replace(/^(\s*\w+)/, `$1 --chown=${uid}:${gid}`)
  return lines.join('\n')
}
