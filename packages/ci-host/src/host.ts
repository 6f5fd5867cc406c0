// The Host port: all that a step may ask of GitHub, GitLab or a terminal.

/** Where a line of the log came from in the user's files, so that a forge can show it there. */
export interface Place {
  readonly file: string
  readonly line?: number
  readonly column?: number
}

/** The log goes to stderr; masked secrets never appear in it. */
export interface Log {
  debug(message: string): void
  info(message: string): void
  warning(message: string, place?: Place): void
  error(message: string, place?: Place): void
  /** Folds what the work logs under a title, where the host can fold. */
  group<T>(title: string, work: () => Promise<T>): Promise<T>
}

/** A program to run: never through a shell. */
export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly directory?: string
  /** The whole environment of the program; default: the host's, without the inputs and credentials of the step. */
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string | Uint8Array
  /** Called with each line of output as it comes; without it nothing is shown. */
  readonly onLine?: (line: string, stream: 'stdout' | 'stderr') => void
  /** Ends the program: SIGTERM, then SIGKILL after `graceSeconds` (default 10). The host's own signal always does. */
  readonly signal?: AbortSignal
  readonly graceSeconds?: number
  /** Called with the id of the program's process once it runs. */
  readonly onStart?: (pid: number) => void
  /** Removes what a job leaves behind: the host's signal does not end it, since a cancelled job cleans up too. */
  readonly cleanup?: boolean
}

export interface CommandResult {
  /** The exit code; 128 + the signal's number where a signal ended it. */
  readonly code: number
  /** The last 4 MiB of each stream. */
  readonly stdout: string
  readonly stderr: string
}

/** One unit of work that a person can follow. */
export interface Task {
  readonly title: string
  /**
   * Does the work; `status` is shown behind the title while it runs.
   * The signal is aborted when the job is cancelled or another task of the same batch failed.
   */
  run(status: (text: string) => void, signal: AbortSignal): Promise<void>
}

/** A login to one registry host. */
export interface Login {
  readonly host: string
  readonly username: string
  readonly password: string
}

/** What the forge knows of the code that is built. */
export interface SourceFacts {
  readonly repository: string | null
  readonly revision: string | null
  /** The commit's time, UTC, RFC 3339. */
  readonly created: string | null
}

export interface Host {
  readonly kind: 'github' | 'gitlab' | 'terminal'
  readonly env: Readonly<Record<string, string | undefined>>
  /** The workspace: relative paths of inputs start here, and nothing outside it is built. */
  readonly directory: string
  readonly log: Log
  /** Aborted when the job is cancelled (SIGINT, SIGTERM). */
  readonly signal: AbortSignal
  /** This run and its attempt, for records; null outside a forge. */
  readonly run: { readonly id: string; readonly attempt: number } | null

  /** Keeps the text out of everything that is logged from now on. */
  mask(secret: string): void

  /**
   * Runs a program and waits for its end; a non-zero exit is a result, not an error.
   * @throws {Failure} input, when there is no such program.
   */
  exec(command: Command): Promise<CommandResult>

  /**
   * Runs the tasks, at most `limit` at once, showing them live on a terminal and as plain lines elsewhere.
   * After a failure no further task starts, the others' signals are aborted, and the first error is thrown.
   */
  runTasks(tasks: readonly Task[], limit: number): Promise<void>

  sourceFacts(): Promise<SourceFacts>

  /** The store for an image whose repository nobody named: the forge's registry, or oci: below .polyarch. */
  defaultStore(imageId: string): string

  /** The logins that the forge gives a job without being asked, for its own registry. */
  forgeLogins(): readonly Login[]

  /** Adds markdown to the job's summary; on a host without one, nothing. */
  summarise(markdown: string): Promise<void>

  /** Hands files to later jobs of this run under an exact name. @throws {Failure} input, where the host has no such store. */
  sendFiles(name: string, files: readonly string[]): Promise<void>

  /**
   * Fetches the files that jobs of this run sent under these names, each into the directory of its name below the given
   * one, and gives the names that no job sent: whether one may be missing is not for the host to say.
   * @throws {Failure} input, where the host has no such store.
   */
  receiveFiles(names: readonly string[], directory: string): Promise<readonly string[]>
}
