// What tests of builds need: a build in this process.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openHost, parseInputs, type RawInputs } from '@polyarch/ci-host'
import type { Outputs } from '../outputs.ts'
import { step } from '../step.ts'

/** Runs the step in the workspace with the given Dockerfile; the layout goes to `out`. */
export const build = async (workspace: string, dockerfile: string, raw: RawInputs = {}): Promise<Outputs> => {
  await writeFile(join(workspace, 'Dockerfile'), dockerfile)
  const host = openHost({ PATH: process.env['PATH'], HOME: join(workspace, '.home') }, workspace)
  return await step.run(parseInputs(step, { layout: 'out', ...raw }), host)
}
