// The verdict table of kaniko on chainguard’s executor.
import { lacks } from '@polyarch/parts'
import { describe } from 'vitest'
import { testVerdicts } from './kaniko-verdicts.ts'

describe.skipIf(
  lacks('root', 'kaniko-1.25.15', 'binfmt-arm64', 'docker-registry', 'skopeo', 'busybox-amd64', 'busybox-arm64'),
)('the verdict on kaniko-1.25.15', () => testVerdicts('kaniko-1.25.15', '1.25.15', 'chainguard'))
