// What a command line program needs of its process; the steps have runStep for that.

/** The arguments of this process, without node and the script. */
export const commandArguments = (): readonly string[] => process.argv.slice(2)

/** Lets the process end with this code once everything is written. */
export const endWith = (code: number): void => {
  process.exitCode = code
}
