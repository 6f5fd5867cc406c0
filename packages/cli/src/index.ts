// @polyarch/cli: polyarch as a function, for programs that embed it.
export { runProgram } from './program.ts'
