// The arguments that a user adds for the engine.
import { inputFailure } from '@polyarch/oci'

const squash = (flag: string): string => flag.toLowerCase().replace(/[-_]/g, '')

/**
 * Refuses engine-args that would make it another build: subcommands, short flags, a value apart from its flag (an
 * engine that does not know the flag takes the value for a subcommand), and the flags that the step sets itself.
 * @throws {Failure} input, naming the argument.
 */
export const checkEngineArgs = (args: readonly string[], reservedFlags: readonly string[]): readonly string[] => {
  const reserved = new Set(reservedFlags.map(squash))
  for (const argument of args) {
    const flag = /^--([A-Za-z][\w-]*)(?:=[^\n\r\0]*)?$/.exec(argument)?.[1]
    if (flag === undefined)
      throw inputFailure(`input engine-args: expected --flag or --flag=value on each line, found "${argument}"`)
    if (reserved.has(squash(flag)))
      throw inputFailure(`input engine-args: --${flag} is not yours to set: Polyarch's own inputs decide it`)
  }
  return args
}
