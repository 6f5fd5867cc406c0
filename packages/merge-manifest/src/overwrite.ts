// What may happen to tags that exist: one policy for all, others for tags by pattern.

import type { TagOutcome } from '@polyarch/documents'
import { Failure, inputFailure } from '@polyarch/oci'

/** allow: anything. same: a tag that exists must have the digest already. never: no tag may exist. */
export type OverwritePolicy = 'allow' | 'same' | 'never'

export interface OverwriteRules {
  /** The first whose pattern fits decides. */
  readonly rules: readonly { readonly pattern: string; readonly policy: OverwritePolicy }[]
  readonly otherwise: OverwritePolicy
}

const parsePolicy = (entry: string, text: string): OverwritePolicy => {
  if (text === 'allow' || text === 'same' || text === 'never') return text
  throw inputFailure(`input overwrite: expected allow, same, never or PATTERN=POLICY, found "${entry}"`)
}

/**
 * The rules of the input `overwrite`: one bare policy at most, and any number of `pattern=policy`.
 * @throws {Failure} input, quoting the entry that is wrong.
 */
export const parseOverwrite = (entries: readonly string[]): OverwriteRules => {
  const rules = entries.flatMap((entry) => {
    const equals = entry.lastIndexOf('=')
    if (equals === -1) return []
    const pattern = entry.slice(0, equals)
    if (!/^[\w.*-]+$/.test(pattern)) throw inputFailure(`input overwrite: "${pattern}" fits no tag`)
    return [{ pattern, policy: parsePolicy(entry, entry.slice(equals + 1)) }]
  })
  const bare = entries.filter((entry) => !entry.includes('='))
  if (bare.length > 1) throw inputFailure(`input overwrite: ${bare.join(' and ')} cannot both be for all tags`)
  return { rules, otherwise: bare[0] === undefined ? 'allow' : parsePolicy(bare[0], bare[0]) }
}

/** Whether the tag fits the pattern, in which `*` stands for any characters. */
const fits = (tag: string, pattern: string): boolean => {
  const [first = '', ...others] = pattern.split('*')
  if (!tag.startsWith(first)) return false
  const last = others.pop()
  if (last === undefined) return tag === first
  let at = first.length
  for (const part of others) {
    const found = tag.indexOf(part, at)
    if (found === -1) return false
    at = found + part.length
  }
  return tag.length - last.length >= at && tag.endsWith(last)
}

export const policyFor = (tag: string, { rules, otherwise }: OverwriteRules): OverwritePolicy =>
  rules.find(({ pattern }) => fits(tag, pattern))?.policy ?? otherwise

/** The outcomes of one repository's tags. */
export interface RepositoryOutcomes {
  readonly repository: string
  readonly tags: readonly TagOutcome[]
}

/**
 * Holds every tag of every repository against its policy.
 * @throws {Failure} policy, listing each tag that may not be written.
 */
export const checkOverwrite = (repositories: readonly RepositoryOutcomes[], rules: OverwriteRules): void => {
  const refusals = repositories.flatMap(({ repository, tags }) =>
    tags.flatMap(({ tag, previous, status }) => {
      const policy = policyFor(tag, rules)
      if (policy === 'allow' || status === 'created') return []
      if (policy === 'same' && status === 'unchanged') return []
      return [`${repository}:${tag} is ${previous ?? 'there'} already (overwrite: ${policy})`]
    }),
  )
  if (refusals.length > 0) throw new Failure('policy', `no tag was moved: ${refusals.join('; ')}`)
}
