#!/usr/bin/env node
// Entry of the polyarch bundle.
import { commandArguments } from '@polyarch/ci-host'
import { runProgram } from './program.ts'

await runProgram(commandArguments())
