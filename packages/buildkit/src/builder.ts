// What builds: BuildKit, wherever it runs.
import type { Command, CommandResult } from '@polyarch/ci-host'
import type { BuildRequest } from '@polyarch/engine'
import type { BuildOptions } from './command-line.ts'

/** Gone when disposed of, with all that was started for it. */
export interface Builder extends AsyncDisposable {
  /** The version that BuildKit says it has. */
  readonly version: string
  /** Whether RUN instructions run on this machine's kernel. */
  readonly runsHere: boolean
  /** The process under which it works, where that is one of this machine and started for it. */
  readonly pid: number | undefined
  /** Builds once; a non-zero exit is a result. */
  build(
    request: BuildRequest,
    options: BuildOptions,
    control: Pick<Command, 'onLine' | 'signal'>,
  ): Promise<CommandResult>
}
