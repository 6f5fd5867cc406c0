#!/usr/bin/env node
// Entry of the polyarch bundle.
import { commandArguments, exitWith } from '@polyarch/ci-host'
import { runProgram } from './program.ts'

exitWith(await runProgram(commandArguments()))
