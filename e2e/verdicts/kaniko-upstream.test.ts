// The verdict table of kaniko on the last executor of GoogleContainerTools.
import { testVerdicts } from './kaniko-verdicts.ts'

testVerdicts('kaniko-1.24.0', '1.24.0', 'upstream')
