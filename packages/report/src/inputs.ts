// The inputs of report.
import { choice, list, text } from '@polyarch/ci-host'
import { z } from 'zod'

export const Inputs = z.object({
  plan: text(
    'The plan as detect-arch gives it: its JSON, its file or its artifact; with it, images that have no result are shown as missing',
  ),
  results: list('Merge results: directories, files or globs; default: .polyarch/merge'),
  handoff: choice(
    'How results come from other jobs: none (they are files here) or artifact (GitHub; needs the plan)',
    ['none', 'artifact'],
    'none',
  ),
})
export type Inputs = z.output<typeof Inputs>
