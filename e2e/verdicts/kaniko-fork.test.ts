// The verdict table of kaniko on osscontainertools' executor: what POLYARCH_KANIKO_EXECUTOR names, judged as the newest that was measured.
import { testVerdicts } from './kaniko-verdicts.ts'

testVerdicts('kaniko-fork', '1.28.3', 'fork')
