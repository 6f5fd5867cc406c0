// The end of a job from outside: the first SIGINT or SIGTERM asks for a clean end, the second one ends at once.
import { constants } from 'node:os'

/** Says that the job was cancelled, and by which signal; it is the reason of the host's aborted signal. */
export class Cancellation extends Error {
  override readonly name = 'Cancellation'
  readonly exitCode: number

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`cancelled by ${signal}`)
    this.exitCode = 128 + constants.signals[signal]
  }
}

const controller = new AbortController()
let listening = false

/** The signal of this process; asking for it takes over SIGINT and SIGTERM. */
export const cancellationSignal = (): AbortSignal => {
  if (listening) return controller.signal
  listening = true
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      const cancellation = new Cancellation(name)
      // GitHub sends SIGINT, 7.5 s later SIGTERM, and kills after another 2.5 s.
      if (controller.signal.aborted) process.exit(cancellation.exitCode)
      controller.abort(cancellation)
    })
  }
  return controller.signal
}
