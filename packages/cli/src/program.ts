// The polyarch program: its commands, its help and its version.
import { endWith, runStep, stepInputs, withTwoHyphens } from '@polyarch/ci-host'
import { Command, CommanderError } from 'commander'
import { createStepCommand } from './step-command.ts'
import { steps } from './steps.ts'
import { version } from './version.ts'

/** The exit code of a wrong flag, argument or command name. */
const inputExitCode = 2

/** commander's own. */
const versionFlags: readonly string[] = ['--version', '-V']

/**
 * Runs polyarch with these arguments; the process then ends with the step's exit code.
 * Only the step that is asked for is loaded; the list of commands loads them all.
 */
export const runProgram = async (args: readonly string[]): Promise<void> => {
  const program = new Command('polyarch')
    .description('Multi-architecture container images from small, composable CI steps.')
    .version(version)
    .exitOverride()
  const [first = ''] = args
  const asked = versionFlags.includes(first) ? [] : Object.hasOwn(steps, first) ? [first] : Object.keys(steps)
  const flags: string[] = []
  for (const name of asked) {
    const entry = steps[name]!
    const { step } = await entry.load()
    flags.push(...stepInputs(step).map(([input]) => input))
    const run = (invocation: Parameters<typeof runStep>[1]) => runStep(step, invocation)
    program.addCommand(createStepCommand(step, run, entry.positionals).copyInheritedSettings(program))
  }
  try {
    await program.parseAsync(
      args.map((argument) => withTwoHyphens(argument, flags)),
      { from: 'user' },
    )
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode !== 0 || error.code === 'commander.help') endWith(inputExitCode)
  }
}
