// The processes of this machine, read from /proc: `ps` is not on every Debian.
import { readdir, readFile } from 'node:fs/promises'

export interface RunningProcess {
  readonly id: number
  readonly parent: number
  /** Its arguments with a space between them. */
  readonly commandLine: string
}

const readProcess = async (id: number): Promise<RunningProcess | undefined> => {
  try {
    const status = await readFile(`/proc/${id}/status`, 'utf8')
    const commandLine = (await readFile(`/proc/${id}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim()
    return { id, parent: Number(/^PPid:\s*(\d+)$/m.exec(status)?.[1]), commandLine }
  } catch (error) {
    // It ended since the directory was read.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

/** All processes that this one can see. */
export const listProcesses = async (): Promise<RunningProcess[]> => {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  return (await Promise.all(ids.map(readProcess))).filter((process) => process !== undefined)
}
