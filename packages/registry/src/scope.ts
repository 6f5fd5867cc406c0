// Scopes of bearer tokens: which actions on which resource (distribution, spec/auth/scope).

export interface Scope {
  /** `repository:NAME`, or what a server's own challenge names. */
  readonly resource: string
  readonly actions: readonly string[]
}

export const repositoryScope = (name: string, ...actions: string[]): Scope => ({
  resource: `repository:${name}`,
  actions,
})

/** The scopes of a challenge: `type:name:action,action` separated by spaces; names may hold colons. */
export const parseScopes = (text: string | undefined): Scope[] =>
  (text ?? '')
    .split(' ')
    .map((part) => ({ part, colon: part.lastIndexOf(':') }))
    .filter(({ colon }) => colon > 0)
    .map(({ part, colon }) => ({ resource: part.slice(0, colon), actions: part.slice(colon + 1).split(',') }))

/** Each resource once with all of its actions, in one order: equal sets give equal lists. */
export const mergeScopes = (scopes: readonly Scope[]): Scope[] => {
  const merged = new Map<string, Set<string>>()
  for (const { resource, actions } of scopes)
    merged.set(resource, new Set([...(merged.get(resource) ?? []), ...actions]))
  return [...merged]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([resource, actions]) => ({
      resource,
      actions: [...actions].sort(),
    }))
}

/** Whether a token for `held` allows all that `needed` names. */
export const coversScopes = (held: readonly Scope[], needed: readonly Scope[]): boolean =>
  needed.every(({ resource, actions }) => {
    const allowed = held.find((scope) => scope.resource === resource)?.actions ?? []
    return actions.every((action) => allowed.includes(action) || allowed.includes('*'))
  })

export const formatScope = ({ resource, actions }: Scope): string => `${resource}:${actions.join(',')}`
