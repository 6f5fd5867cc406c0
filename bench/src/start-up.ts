// What each program costs before it does anything: Node's own start is part of every run of Polyarch.
import { partPath, reasonMissing } from '@polyarch/parts'
import { contenderParts } from './contender.ts'
import { type Cost, measureScript } from './measure.ts'
import { command } from './shell-script.ts'

export interface StartUp {
  readonly name: string
  readonly costs: readonly Cost[]
}

/** The name under which Node's own start is reported. */
export const nodeAlone = 'node -e 0'

/** Starts each program in turn to say its version, and Node to do nothing. */
export const measureStartUps = async (
  runs: number,
  bundle: string | undefined,
  signal: AbortSignal,
): Promise<StartUp[]> => {
  const scripts = new Map([[nodeAlone, command(process.execPath, '-e', '0')]])
  if (bundle !== undefined) scripts.set('Polyarch --version', command(process.execPath, bundle, '--version'))
  for (const tool of contenderParts) {
    if (reasonMissing(tool)) continue
    const word = tool === 'skopeo' || tool === 'manifest-tool' ? '--version' : 'version'
    scripts.set(`${tool} ${word}`, command(partPath(tool), word))
  }
  const costs = new Map([...scripts.keys()].map((name): [string, Cost[]] => [name, []]))
  // The first round only brings the programs into memory.
  for (let count = 0; count <= runs; count += 1)
    for (const [name, script] of scripts) {
      const cost = await measureScript(script, signal)
      if (count > 0) costs.get(name)?.push(cost)
    }
  return [...costs].map(([name, measured]) => ({ name, costs: measured }))
}
