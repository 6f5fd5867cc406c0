// The verdict table of kaniko on chainguard's executor.
import { testVerdicts } from './kaniko-verdicts.ts'

testVerdicts('kaniko-1.25.15', '1.25.15', 'chainguard')
