// Every feature of the verdict table with the trials that show what an engine makes of it.
import { copyTrials } from './copy-trials.ts'
import { runTrials } from './run-trials.ts'
import { stageTrials } from './stage-trials.ts'
import type { Trials } from './trial.ts'

/** Complete by its type: a feature without a trial does not compile. */
export const trials: Trials = { ...copyTrials, ...runTrials, ...stageTrials }
