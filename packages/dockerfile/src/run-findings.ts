// Findings in RUN: its mounts, its flags, its heredocs.
import type { Feature, Finding } from './feature.ts'
import { flagValue, type Instruction } from './instruction.ts'
import { type Mount, parseMounts } from './mount.ts'

const mountFeatures: Readonly<Record<string, Feature>> = {
  bind: 'mount-bind',
  cache: 'mount-cache',
  secret: 'mount-secret',
  ssh: 'mount-ssh',
  tmpfs: 'mount-tmpfs',
}

const mountFindings = ({ type, from, id, required, line }: Mount): Finding[] => {
  const own = mountFeatures[type]
  const detail = `--mount=type=${type}${id === undefined || own === 'mount-cache' ? '' : `,id=${id}`}${required ? ',required' : ''}`
  return [
    ...(from === undefined ? [] : [{ feature: 'mount-from' as const, line, detail: `--mount=from=${from}` }]),
    ...(own === undefined || (own === 'mount-bind' && from !== undefined) ? [] : [{ feature: own, line, detail }]),
  ]
}

/** Values with which a flag changes nothing. */
const defaults: Readonly<Record<string, string>> = { network: 'default', security: 'sandbox' }

const flagFindings = (run: Instruction): Finding[] =>
  (['network', 'device', 'security'] as const).flatMap((name) => {
    const value = flagValue(run, name)
    return value === undefined || value === defaults[name]
      ? []
      : [{ feature: `run-${name}` as const, line: run.line, detail: `--${name}=${value}` }]
  })

const heredocFindings = ({ line, words, heredocs }: Instruction): Finding[] => {
  const [first] = heredocs
  if (first === undefined) return []
  const detail = `<<${first.name}`
  if (words[0]?.startsWith('[')) return [{ feature: 'heredoc-exec-form', line, detail }]
  // Only a heredoc that is all of the command is a script of its own.
  const script = words.length === 1 && first.content.startsWith('#!')
  return [
    { feature: 'heredoc-run', line, detail },
    ...(script
      ? [{ feature: 'heredoc-shebang' as const, line: first.line, detail: first.content.split('\n', 1)[0] ?? '' }]
      : []),
  ]
}

/** What engines treat differently in a RUN. */
export const runFindings = (run: Instruction): Finding[] => [
  ...parseMounts(run).flatMap(mountFindings),
  ...flagFindings(run),
  ...heredocFindings(run),
]
