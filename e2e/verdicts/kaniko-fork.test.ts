// The verdict table of kaniko on osscontainertools’ executor: what POLYARCH_KANIKO_EXECUTOR names, judged as the newest that was measured.
import { lacks } from '@polyarch/parts'
import { describe } from 'vitest'
import { testVerdicts } from './kaniko-verdicts.ts'

describe.skipIf(
  lacks('root', 'kaniko-fork', 'binfmt-arm64', 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'),
)('the verdict on kaniko-fork', () => testVerdicts('kaniko-fork', '1.28.3', 'fork'))
