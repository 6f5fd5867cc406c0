// Holds a verdict against what really happens: what is ok is built right, what is refused really goes wrong.
import { type Feature, verdictEntry } from '@polyarch/dockerfile'
import { expect } from 'vitest'
import type { Scene } from './scene.ts'
import type { TrialEnd } from './trial.ts'
import { runTrial, type TrialEngine } from './trial-run.ts'
import { trials } from './trials.ts'

interface EndedTrial {
  readonly name: string
  readonly loss: boolean
  readonly end: TrialEnd
}

const describeEnds = (ended: readonly EndedTrial[]): string =>
  ended.map(({ name, end }) => `${name}: ${end.how === 'right' ? 'right' : `${end.how}, ${end.what}`}`).join('\n')

/** Runs the feature's trials and expects them to end as the table says. */
export const checkVerdict = async (engine: TrialEngine, feature: Feature, scene: Scene): Promise<void> => {
  const entry = verdictEntry(feature, engine.version)
  const ended: EndedTrial[] = []
  for (const trial of trials[feature])
    ended.push({ name: trial.name, loss: trial.loss === true, end: await runTrial(engine, trial, scene) })
  const told = `the table says ${entry.verdict}${entry.happens ? `, ${entry.happens}` : ''}\n${describeEnds(ended)}`
  const rightOnes = ended.map(({ end }) => end.how === 'right')
  switch (entry.verdict) {
    case 'ok':
      expect(rightOnes, told).toEqual(ended.map(() => true))
      return
    case 'warn':
      expect(rightOnes, told).toEqual(ended.map(({ loss }) => !loss))
      return
    case 'refuse':
      expect(
        ended.map(({ end }) => end.how),
        told,
      ).toContain(entry.harm)
      return
  }
}
