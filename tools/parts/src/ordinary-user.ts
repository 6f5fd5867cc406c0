// The user without privileges that tests step down to where they run as root.
import { statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { repositoryRoot } from './cache.ts'
import { findProgram, runProgram } from './program.ts'

/** The system user that preparation makes where tests run as root. */
export const ordinaryUser = 'polyarch-test'

/** The outermost directory on the way to the place that other users may not enter, such as /root. */
const findClosed = (place: string): string | undefined => {
  const ancestors: string[] = []
  for (let path = place; path !== dirname(path); path = dirname(path)) ancestors.unshift(path)
  return ancestors.find((path) => (statSync(path).mode & 0o001) === 0)
}

/** Opens a closed directory for one command alone, in mounts of its own: empty but for the place. */
const openWay = `
closed=$1 place=$2
shift 2
held=$(mktemp -d)
mount --bind "$place" "$held"
mount -t tmpfs -o mode=755 tmpfs "$closed"
mkdir -p "$place"
mount --move "$held" "$place"
rmdir "$held"
cd "$PWD" || cd /
exec "$@"
`

/**
 * The command as an ordinary user runs it: behind setpriv where this process is root, unchanged otherwise.
 * The user can enter the place, also where it lies in another user's home.
 */
export const asOrdinaryUser = (
  command: readonly [string, ...string[]],
  place = repositoryRoot,
): [string, ...string[]] => {
  if (process.getuid?.() !== 0) return [...command]
  const identity = [`--reuid=${ordinaryUser}`, `--regid=${ordinaryUser}`, '--init-groups', '--inh-caps=-all']
  const asUser = [findProgram('setpriv') ?? 'setpriv', ...identity, '--reset-env', '--', ...command] as const
  const closed = findClosed(place)
  if (closed === undefined) return [...asUser]
  return [
    findProgram('unshare') ?? 'unshare',
    '--mount',
    '--',
    '/bin/sh',
    '-ec',
    openWay,
    'sh',
    closed,
    place,
    ...asUser,
  ]
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
