// What tests of builds need: a build in this process.
import { writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { openHost, parseInputs, type RawInputs } from '@polyarch/ci-host'
import { partPath } from '@polyarch/parts'
import type { Outputs } from '../outputs.ts'
import { step } from '../step.ts'

/** PATH with buildkitd and buildctl, which lie side by side. */
const toolPath = (): string => [dirname(partPath('buildkit')), process.env['PATH']].join(delimiter)

/** Runs the step in the workspace with the given Dockerfile; the layout goes to `out`. */
export const build = async (workspace: string, dockerfile: string, raw: RawInputs = {}): Promise<Outputs> => {
  await writeFile(join(workspace, 'Dockerfile'), dockerfile)
  const host = openHost({ PATH: toolPath(), HOME: join(workspace, '.home') }, workspace)
  return await step.run(parseInputs(step, { layout: 'out', ...raw }), host)
}
