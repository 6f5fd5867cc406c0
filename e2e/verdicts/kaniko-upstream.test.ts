// The verdict table of kaniko on the last executor of GoogleContainerTools.
import { lacks } from '@polyarch/parts'
import { describe } from 'vitest'
import { testVerdicts } from './kaniko-verdicts.ts'

describe.skipIf(
  lacks('root', 'kaniko-1.24.0', 'binfmt-arm64', 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'),
)('the verdict on kaniko-1.24.0', () => testVerdicts('kaniko-1.24.0', '1.24.0', 'upstream'))
