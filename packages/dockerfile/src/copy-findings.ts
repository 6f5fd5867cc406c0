// Findings in COPY and ADD: their flags, sources, destinations and heredocs.

import { usedVariables, type Variables } from './expansion.ts'
import type { Feature, Finding } from './feature.ts'
import { flagValue, type Instruction } from './instruction.ts'
import { expandLeniently } from './scope.ts'

const flagFeatures: Readonly<Record<string, Feature>> = {
  checksum: 'add-checksum',
  exclude: 'copy-exclude',
  link: 'copy-link',
  parents: 'copy-parents',
  unpack: 'add-unpack',
}

/** A flag that says false is not there, but for --unpack, which is there to say so. */
const isOff = (name: string, value: string | null): boolean =>
  name !== 'unpack' && name !== 'exclude' && name !== 'checksum' && value !== null && /^(?:false|0)$/i.test(value)

const flagFindings = ({ flags }: Instruction): Finding[] =>
  flags.flatMap(({ name, value, line }) => {
    const feature = flagFeatures[name]
    return feature === undefined || isOff(name, value)
      ? []
      : [{ feature, line, detail: `--${name}${value === null ? '' : `=${value}`}` }]
  })

const modeFindings = (instruction: Instruction): Finding[] => {
  const mode = flagValue(instruction, 'chmod')
  if (mode === undefined || mode.includes('$')) return []
  const { line, keyword } = instruction
  const detail = `--chmod=${mode}`
  if (!/^[0-7]+$/.test(mode)) return [{ feature: 'copy-chmod-symbolic', line, detail }]
  if (keyword === 'ADD' && /^0*[1-7][0-7]{3}$/.test(mode)) return [{ feature: 'add-chmod-special', line, detail }]
  return [{ feature: 'copy-chmod', line, detail }]
}

/** What BuildKit takes for a git repository (https://docs.docker.com/build/concepts/context/#git-repositories). */
const isGitSource = (source: string): boolean =>
  /^(?:git:\/\/|ssh:\/\/|git@)/.test(source) || /^https?:\/\/[^?#]*\.git(?:[?#]|$)/.test(source)

const isKanikoPath = (path: string): boolean => /^\/+kaniko(?:\/|$)/.test(path.replaceAll(/\/\.(?=\/|$)/g, ''))

const pathsOf = ({ words, json }: Instruction): readonly string[] => json ?? words

const heredocFindings = ({ line, heredocs }: Instruction): Finding[] => {
  const [first] = heredocs
  if (first === undefined) return []
  const variable = heredocs.find(({ expand, content }) => expand && usedVariables(content).length > 0)
  return [
    { feature: 'heredoc-copy', line, detail: `<<${first.name}` },
    ...(variable
      ? [
          {
            feature: 'heredoc-copy-variables' as const,
            line: variable.line,
            detail: `$${usedVariables(variable.content)[0]}`,
          },
        ]
      : []),
  ]
}

/** What engines treat differently in a COPY or ADD, with the variables that it sees. */
export const copyFindings = (instruction: Instruction, variables: Variables, escapeCharacter: string): Finding[] => {
  const { line } = instruction
  const paths = pathsOf(instruction).map((path) => expandLeniently(path, variables, escapeCharacter).text)
  const destination = paths.at(-1) ?? ''
  const git = instruction.keyword === 'ADD' ? paths.slice(0, -1).find(isGitSource) : undefined
  return [
    ...flagFindings(instruction),
    ...modeFindings(instruction),
    ...heredocFindings(instruction),
    ...(git === undefined ? [] : [{ feature: 'add-git' as const, line, detail: git }]),
    ...(isKanikoPath(destination) ? [{ feature: 'copy-to-kaniko' as const, line, detail: destination }] : []),
  ]
}
