// The user without privileges that tests step down to where they run as root.
import { readFile } from 'node:fs/promises'
import { findProgram, runProgram } from './program.ts'

/** The system user that preparation makes where tests run as root. */
export const ordinaryUser = 'polyarch-test'

/** The command as an ordinary user runs it: behind setpriv where this process is root, unchanged otherwise. */
export const asOrdinaryUser = (command: readonly [string, ...string[]]): [string, ...string[]] => {
  if (process.getuid?.() !== 0) return [...command]
  const identity = [`--reuid=${ordinaryUser}`, `--regid=${ordinaryUser}`, '--init-groups']
  return [findProgram('setpriv') ?? 'setpriv', ...identity, '--inh-caps=-all', '--reset-env', '--', ...command]
}

/** The first free id above all ranges of /etc/subuid or /etc/subgid. */
const firstFreeId = (ranges: string): number =>
  ranges
    .split('\n')
    .map((line) => line.split(':'))
    .map(([, start, count]) => Number(start) + Number(count))
    .filter(Number.isFinite)
    .reduce((highest, end) => Math.max(highest, end), 300_000)

const readRanges = (path: string): Promise<string> =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })

/** Makes the ordinary user, with a home and a range of 65536 subordinate ids, where it does not exist. Needs root. */
const createOrdinaryUser = async (report: (line: string) => void): Promise<void> => {
  const users = await readFile('/etc/passwd', 'utf8')
  if (!users.split('\n').some((line) => line.startsWith(`${ordinaryUser}:`))) {
    report(`adding the system user ${ordinaryUser}`)
    await runProgram('useradd', ['--system', '--user-group', '--create-home', '--shell', '/bin/bash', ordinaryUser])
  }
  for (const [path, option] of [
    ['/etc/subuid', '--add-subuids'],
    ['/etc/subgid', '--add-subgids'],
  ] as const) {
    const ranges = await readRanges(path)
    if (ranges.split('\n').some((line) => line.startsWith(`${ordinaryUser}:`))) continue
    const start = firstFreeId(ranges)
    await runProgram('usermod', [option, `${start}-${start + 65_535}`, ordinaryUser])
  }
}

/** Lets an ordinary user make a user namespace with all its ids; the reason why not, otherwise. */
export const prepareUserNamespaces = async (report: (line: string) => void): Promise<string | undefined> => {
  try {
    if (process.getuid?.() === 0) await createOrdinaryUser(report)
    const probe = ['unshare', '--user', '--map-auto', '--map-root-user', 'true'] as const
    const [program, ...args] = asOrdinaryUser([findProgram(probe[0]) ?? probe[0], ...probe.slice(1)])
    await runProgram(program, args)
    return undefined
  } catch (error) {
    return `${(error as Error).message} (needs the uidmap package, a range in /etc/subuid and /etc/subgid, and a kernel that allows it)`
  }
}
