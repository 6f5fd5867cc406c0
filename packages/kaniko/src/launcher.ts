// What keeps an executor away from the machine that it runs on.
import type { CommandResult } from '@polyarch/ci-host'
import type { ExecutorCall } from './executor-command.ts'
import type { BuildDirectories, Places } from './places.ts'

/** One start of the executor. */
export interface ExecutorRun extends ExecutorCall {
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void
  /** Told the executor's process, where it is one of this machine and below this one. */
  readonly onStart?: (pid: number) => void
  readonly signal?: AbortSignal
}

export interface Launcher {
  readonly name: 'inside' | 'docker' | 'podman' | 'jail'
  /** A name of the executor's exact content, under which its facts can be kept; undefined when there is none. */
  readonly executorId: string | undefined
  /** Where the executor sees the directories. */
  places(directories: BuildDirectories): Places
  /**
   * Runs the executor; without directories only to ask it something. A non-zero exit is a result.
   * @throws {Failure} input, when the executor could not even be started.
   */
  run(run: ExecutorRun, directories?: BuildDirectories): Promise<CommandResult>
}
