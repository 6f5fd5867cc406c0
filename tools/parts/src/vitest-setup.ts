// Before the first test: makes ready the parts that the chosen test files name. POLYARCH_PARTS=none leaves that out.
import type { TestProject } from 'vitest/node'
import { prepareParts } from './prepare.ts'
import { wantedParts } from './wanted-parts.ts'

/** Called by vitest once per run, in the main process. */
export const setup = async (project: TestProject): Promise<void> => {
  if (process.env['POLYARCH_PARTS'] === 'none') return
  // Not part of vitest's documented interface; without it every test file counts.
  const { filenamePattern } = project.vitest as { readonly filenamePattern?: string[] }
  const { testFiles } = await project.globTestFiles(filenamePattern)
  await prepareParts(await wantedParts(testFiles), (line) => project.vitest.logger.log(`parts: ${line}`))
}
