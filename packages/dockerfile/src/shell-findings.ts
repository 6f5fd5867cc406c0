// Findings in CMD and ENTRYPOINT in shell form: which shell starts them, and what kaniko makes of them later.
import type { Dockerfile, Stage } from './dockerfile.ts'
import type { Finding } from './feature.ts'
import type { Instruction } from './instruction.ts'
import { baseStage, instructionsOf } from './stage-graph.ts'

const defaultShell = ['/bin/sh', '-c']

const isDefault = (shell: readonly string[]): boolean =>
  shell.length === defaultShell.length && shell.every((word, position) => word === defaultShell[position])

/** The shell at the end of a stage, as far as the Dockerfile says. */
const shellOf = (dockerfile: Dockerfile, stage: Stage | undefined): readonly string[] => {
  if (stage === undefined) return defaultShell
  const own = instructionsOf(dockerfile, stage).findLast(({ keyword }) => keyword === 'SHELL')
  return own?.json ?? shellOf(dockerfile, baseStage(dockerfile, stage))
}

/**
 * Whether Go's append() puts a command after these words into the memory that they have: kaniko makes the command line
 * of each shell form so, and all of them share it. Slices grow by doubling, so that 1, 2, 4 and 8 words fill theirs.
 */
const hasRoom = (shell: readonly string[]): boolean => !Number.isInteger(Math.log2(shell.length))

interface Start {
  readonly instruction: Instruction
  readonly shell: readonly string[]
  readonly position: number
}

const isShellForm = ({ keyword, json }: Instruction): boolean =>
  json === undefined && ['RUN', 'CMD', 'ENTRYPOINT'].includes(keyword)

/** The findings of a stage; what starts a stage that is only copied from is not looked at by anybody, but that is rare. */
export const shellFindings = (dockerfile: Dockerfile, stage: Stage): Finding[] => {
  let shell = shellOf(dockerfile, baseStage(dockerfile, stage))
  const starts = new Map<string, Start>()
  let lastShell = 0
  const instructions = instructionsOf(dockerfile, stage)
  for (const [position, instruction] of instructions.entries()) {
    const { keyword, json } = instruction
    if (keyword === 'SHELL' && json !== undefined) {
      shell = json
      lastShell = position
    }
    if (keyword === 'CMD' || keyword === 'ENTRYPOINT') starts.set(keyword, { instruction, shell, position })
  }
  return [...starts.values()].flatMap((start): Finding[] => {
    const { instruction } = start
    if (!isShellForm(instruction) || isDefault(start.shell)) return []
    const { keyword, line } = instruction
    const detail = `${keyword} with SHELL ${JSON.stringify(start.shell)}`
    const end = start.position < lastShell ? lastShell : instructions.length
    const later = instructions.slice(start.position + 1, end).find(isShellForm)
    return [
      { feature: 'shell-form-start', line, detail },
      ...(later !== undefined && hasRoom(start.shell)
        ? [{ feature: 'shell-form-overwritten' as const, line, detail: `${detail}, then ${later.keyword}` }]
        : []),
    ]
  })
}
