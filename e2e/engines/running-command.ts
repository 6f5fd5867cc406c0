// A command that a Dockerfile runs until it is ended, and the process that runs it.
import { setTimeout as delay } from 'node:timers/promises'
import { listProcesses } from '@polyarch/parts'

let count = 0

/** A command line that no other process of this machine has, and no other test. */
export const uniqueSleep = (): string => {
  count += 1
  return `sleep ${100_000_000 + process.pid * 100 + count}`
}

/** The process with exactly this command line, if one is running. */
export const findRunning = async (line: string) =>
  (await listProcesses()).find(({ commandLine }) => commandLine === line)

/** The process with this command line, once it is running. */
export const awaitRunning = async (line: string) => {
  for (;;) {
    const running = await findRunning(line)
    if (running) return running
    await delay(25)
  }
}

/** Waits until no process has this command line any more. */
export const awaitEnded = async (line: string): Promise<void> => {
  while (await findRunning(line)) await delay(25)
}
