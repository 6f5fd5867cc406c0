#!/usr/bin/env node
// The entry of detect-arch's bundle.
import { runStep } from '@polyarch/ci-host'
import { step } from './step.ts'

await runStep(step)
