// The polyarch program: its commands, its help and its version.
import { runStep } from '@polyarch/ci-host'
import { Command, CommanderError } from 'commander'
import packageFile from '../package.json' with { type: 'json' }
import { createStepCommand } from './step-command.ts'
import { steps } from './steps.ts'

/** The exit code of a wrong flag, argument or command name. */
const inputExitCode = 2

/**
 * Runs polyarch with these arguments and gives the exit code.
 * Only the step that is asked for is loaded; the list of commands loads them all.
 */
export const runProgram = async (args: readonly string[]): Promise<number> => {
  let code = 0
  const program = new Command('polyarch')
    .description('Multi-architecture container images from small, composable CI steps.')
    .version(packageFile.version)
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ outputError: (text, write) => write(`polyarch: ${text.replace(/^error: /, '')}`) })
  const asked = args[0] !== undefined && Object.hasOwn(steps, args[0]) ? [args[0]] : Object.keys(steps)
  for (const name of asked) {
    const entry = steps[name]!
    const { step } = await entry.load()
    program.addCommand(
      createStepCommand(
        step,
        async (invocation) => {
          code = await runStep(step, invocation)
        },
        entry.positionals,
      ).copyInheritedSettings(program),
    )
  }
  try {
    await program.parseAsync(args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    return error.exitCode === 0 ? 0 : inputExitCode
  }
  return code
}
