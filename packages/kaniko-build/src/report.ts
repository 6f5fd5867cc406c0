// The summary of a build, as markdown.
import { reportBuild } from '@polyarch/engine'
import type { Outputs } from './outputs.ts'

export const report = (outputs: Outputs): string => reportBuild('kaniko', outputs)
