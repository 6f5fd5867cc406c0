// The steps of this repository: every package with a src/step.ts, loaded.
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Step } from '@polyarch/ci-host'

/** The way through the house; steps that are not named here come after it, by name. */
const order = [
  'detect-arch',
  'kaniko-build',
  'buildah-build',
  'buildkit-build',
  'extend-image',
  'push-digest',
  'merge-manifest',
  'report',
]

const rank = (name: string): number => (order.includes(name) ? order.indexOf(name) : order.length)

/** Loads the steps in the order in which a pipeline uses them. */
export const loadSteps = async (root: string): Promise<Step[]> => {
  const names = (await readdir(join(root, 'packages'))).filter(
    (name) => name !== 'ci-host' && existsSync(join(root, 'packages', name, 'src/step.ts')),
  )
  names.sort((left, right) => rank(left) - rank(right) || left.localeCompare(right))
  return Promise.all(
    names.map(async (name) => {
      const file = pathToFileURL(join(root, 'packages', name, 'src/step.ts')).href
      const { step } = (await import(file)) as { step: Step }
      if (step.name !== name) throw new Error(`packages/${name} calls its step ${step.name}`)
      return step
    }),
  )
}
