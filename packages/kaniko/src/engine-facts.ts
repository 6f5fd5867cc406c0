// What an executor says of itself: its version and the flags that it knows.

/** `fork` is osscontainertools/kaniko from 1.25 on; `upstream` is everything before and chainguard's line. */
export type Lineage = 'fork' | 'upstream'

export interface EngineFacts {
  /** Without a leading v; `unset` where the executor was built without one. */
  readonly version: string
  readonly flags: ReadonlySet<string>
  readonly lineage: Lineage
}

/** The flags that `executor --help` lists, without dashes. */
export const parseFlags = (help: string): ReadonlySet<string> =>
  new Set([...help.matchAll(/^\s+(?:-\w, )?--([A-Za-z][\w-]*)/gm)].map(([, flag]) => flag!))

/** The version that `executor version` prints. */
const parseVersion = (output: string): string => {
  const version = /^Kaniko version\s*:\s*(\S*)/m.exec(output)?.[1] ?? ''
  return version === '' ? 'unset' : version.replace(/^v(?=\d)/, '')
}

/** Facts from the executor's own words. The flags tell the lineage: a version can be unset, or another line's. */
export const readEngineFacts = (versionOutput: string, help: string): EngineFacts => {
  const flags = parseFlags(help)
  const lineage = flags.has('secret') || flags.has('credential-helpers') ? 'fork' : 'upstream'
  return { version: parseVersion(versionOutput), flags, lineage }
}
