#!/usr/bin/env node
// The entry of the bundle for the action and the component.
import { runStep } from '@polyarch/ci-host'
import { step } from './step.ts'

await runStep(step)
