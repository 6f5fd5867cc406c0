// What kaniko executors do with each feature, as measured on upstream 1.12.1 and 1.24.0, chainguard's 1.25.15, and the
// living fork's 1.26.0 and 1.28.3; between two measured versions the older behaviour is taken, but where the fork's
// release notes say when it changed.
import { ok, refuse, type VerdictTable, warn } from './verdict-table.ts'

const unknownFlag = 'the build fails: unknown flag'

/** GoogleContainerTools/kaniko, up to 1.24.0. */
export const upstreamVerdicts: VerdictTable = {
  'add-checksum': [refuse('0', 'silently: the checksum is never verified')],
  'add-chmod-special': [refuse('0', 'silently: the special bits are lost')],
  'add-git': [refuse('0', 'silently: the page that the server answers is stored as a file')],
  'add-unpack': [refuse('0', unknownFlag)],
  'base-onbuild': [ok()],
  'base-platform-missing': [refuse('0', 'the build fails when it pulls the image')],
  'base-single-platform': [refuse('0', 'silently: the config says this platform, the programs are for the other')],
  'check-error': [warn('0', 'nothing is checked')],
  'copy-chmod': [refuse('0', 'silently: the mode is not set'), ok('1.24.0')],
  'copy-chmod-symbolic': [
    refuse('0', 'silently: the mode is not set'),
    refuse('1.24.0', 'the build fails: it cannot parse the mode'),
  ],
  'copy-exclude': [refuse('0', unknownFlag)],
  'copy-link': [ok()],
  'copy-parents': [refuse('0', unknownFlag)],
  'copy-to-kaniko': [ok('0', { env: { KANIKO_DIR: '/kaniko2' } })],
  'copy-user': [ok()],
  'from-platform': [refuse('0', 'silently: the stage is built for the target’s platform')],
  'healthcheck-start-interval': [refuse('0', unknownFlag), warn('1.24.0', 'the interval is lost')],
  'heredoc-copy': [refuse('0', 'the build fails: it looks for a file of that name')],
  'heredoc-copy-variables': [refuse('0', 'the build fails: it looks for a file of that name')],
  'heredoc-exec-form': [refuse('0', 'silently: the heredoc is not there')],
  'heredoc-run': [refuse('0', 'silently: nothing is run')],
  'heredoc-shebang': [refuse('0', 'silently: nothing is run')],
  'mount-bind': [refuse('0', 'silently: the mount is not there')],
  'mount-cache': [refuse('0', 'silently: what is cached lands in the layer')],
  'mount-from': [refuse('0', 'silently: the mount is not there')],
  'mount-secret': [refuse('0', 'silently: the secret is not there, required or not')],
  'mount-ssh': [refuse('0', 'silently: there is no ssh agent, required or not')],
  'mount-tmpfs': [refuse('0', 'silently: what is written there lands in the layer')],
  onbuild: [ok()],
  'platform-args': [ok()],
  'platform-args-global': [ok()],
  'run-device': [refuse('0', unknownFlag), refuse('1.24.0', 'silently: the device is not there')],
  'run-network': [refuse('0', 'silently: the network stays as it is')],
  'run-security': [refuse('0', unknownFlag)],
  'syntax-frontend': [refuse('0', 'silently: it is read as a plain Dockerfile')],
  'unused-stage': [warn('0', 'they are built all the same')],
}

/** chainguard-forks/kaniko: upstream 1.24.0 with a newer Dockerfile parser, so more flags are known and ignored. */
export const chainguardVerdicts: VerdictTable = {
  ...upstreamVerdicts,
  'add-unpack': [refuse('0', 'silently: it is unpacked all the same')],
  'copy-chmod': [ok()],
  'copy-chmod-symbolic': [refuse('0', 'the build fails: it cannot parse the mode')],
  'copy-exclude': [refuse('0', 'silently: what is excluded is copied')],
  'copy-parents': [refuse('0', 'silently: the directories are flattened')],
  'healthcheck-start-interval': [warn('0', 'the interval is lost')],
  'run-device': [refuse('0', 'silently: the device is not there')],
  'run-security': [refuse('0', 'silently: nothing changes')],
}

const logged = 'only the log says so: '

/** osscontainertools/kaniko, formerly mzihlmann/kaniko: from 1.24.1 on. */
export const forkVerdicts: VerdictTable = {
  ...chainguardVerdicts,
  'add-unpack': [refuse('0', unknownFlag), refuse('1.26.0', 'silently: it is unpacked all the same')],
  'base-onbuild': [refuse('0', 'silently: the triggers are dropped'), ok('1.26.5')],
  'check-error': [warn('0', 'nothing is checked'), warn('1.27.2', 'mistakes are told, but do not fail the build')],
  'copy-chmod-symbolic': [refuse('0', 'the build fails: it cannot parse the mode'), ok('1.28.0')],
  'copy-exclude': [refuse('0', unknownFlag), refuse('1.26.0', 'silently: what is excluded is copied')],
  'copy-parents': [refuse('0', unknownFlag), refuse('1.28.0', 'silently: the directories are flattened')],
  'copy-user': [ok(), ok('1.28.0', { env: { FF_KANIKO_COPY_AS_ROOT: 'true' } })],
  'heredoc-copy': [refuse('0', 'the build fails: it looks for a file of that name'), ok('1.25.4')],
  'heredoc-copy-variables': [
    refuse('0', 'silently: the variables are not expanded'),
    ok('1.28.3', { env: { FF_KANIKO_EXPAND_HEREDOC: 'true' } }),
    ok('1.29.0'),
  ],
  'heredoc-exec-form': [refuse('0', `${logged}the heredoc is not there`)],
  'heredoc-run': [refuse('0', 'silently: nothing is run'), ok('1.25.4')],
  'heredoc-shebang': [refuse('0', 'silently: the script is run by sh, so that a step that fails passes')],
  'mount-bind': [
    refuse('0', 'silently: the mount is not there'),
    refuse('1.26.0', `${logged}the mount is not there`),
    ok('1.27.3', { env: { FF_KANIKO_RUN_MOUNT_BIND: 'true' } }),
    ok('1.28.0'),
  ],
  'mount-cache': [refuse('0', 'silently: what is cached lands in the layer'), ok('1.26.0')],
  'mount-from': [refuse('0', 'silently: the mount is not there'), refuse('1.26.0', `${logged}the mount is not there`)],
  'mount-secret': [
    refuse('0', 'silently: the secret is not there, required or not'),
    refuse('1.26.0', `${logged}the secret is not there, required or not`),
    ok('1.27.0'),
  ],
  'mount-ssh': [
    refuse('0', 'silently: there is no ssh agent, required or not'),
    refuse('1.26.0', `${logged}there is no ssh agent, required or not`),
  ],
  'mount-tmpfs': [
    refuse('0', 'silently: what is written there lands in the layer'),
    refuse('1.26.0', `${logged}what is written there lands in the layer`),
  ],
  onbuild: [refuse('0', 'silently: the triggers are dropped'), ok('1.26.1')],
  'run-device': [
    refuse('0', 'silently: the device is not there'),
    refuse('1.26.0', `${logged}the device is not there`),
  ],
  'run-network': [
    refuse('0', 'silently: the network stays as it is'),
    refuse('1.26.0', `${logged}the network stays as it is`),
  ],
  'run-security': [refuse('0', unknownFlag), refuse('1.28.0', `${logged}nothing changes`)],
  'unused-stage': [ok()],
}

export type KanikoLineage = 'upstream' | 'chainguard' | 'fork'

interface LineageFacts {
  readonly table: VerdictTable
  /** The newest version that was measured. */
  readonly newest: string
}

export const kanikoLineages: Readonly<Record<KanikoLineage, LineageFacts>> = {
  upstream: { table: upstreamVerdicts, newest: '1.24.0' },
  chainguard: { table: chainguardVerdicts, newest: '1.25.15' },
  fork: { table: forkVerdicts, newest: '1.28.3' },
}

/** The lineage of an executor from the flags that its help lists: a version can be unset, or another lineage's. */
export const kanikoLineageOf = (flags: ReadonlySet<string>): KanikoLineage => {
  if (flags.has('secret') || flags.has('credential-helpers') || flags.has('pre-cleanup')) return 'fork'
  return flags.has('annotation') ? 'chainguard' : 'upstream'
}

/** The lineage that a version belongs to, where nothing else is known of the executor. */
export const kanikoLineageOfVersion = (version: string): KanikoLineage =>
  /^1\.(?:[0-9]|1[0-9]|2[0-3])(?:\.|$)|^1\.24\.0/.test(version) ? 'upstream' : 'fork'
