// What kaniko executors do with each feature, as measured on upstream 1.12.1 and 1.24.0, chainguard's 1.25.15, and the
// living fork's 1.26.0 and 1.28.3; between two measured versions the older behaviour is taken, but where the fork's
// release notes say when it changed.
import { fails, logged, ok, silent, type VerdictTable, warn } from './verdict-table.ts'

const unknownFlag = 'unknown flag'

/** GoogleContainerTools/kaniko, up to 1.24.0. */
const upstreamVerdicts: VerdictTable = {
  'add-checksum': [silent('0', 'the checksum is never verified')],
  'add-chmod-special': [silent('0', 'the special bits are lost')],
  'add-git': [silent('0', 'the page that the server answers is stored as a file')],
  'add-unpack': [fails('0', unknownFlag)],
  'base-onbuild': [ok()],
  'base-platform-missing': [fails('0', 'the image cannot be pulled')],
  'base-single-platform': [silent('0', 'the config says this platform, the programs are for the other')],
  'check-error': [warn('0', 'nothing is checked')],
  'copy-chmod': [silent('0', 'the mode is not set'), ok('1.24.0')],
  'copy-chmod-symbolic': [silent('0', 'the mode is not set'), fails('1.24.0', 'it cannot parse the mode')],
  'copy-exclude': [fails('0', unknownFlag)],
  'copy-link': [ok()],
  'copy-parents': [fails('0', unknownFlag)],
  'copy-to-kaniko': [ok()],
  'copy-user': [ok()],
  'from-platform': [silent('0', 'the stage is built for the target’s platform')],
  'healthcheck-start-interval': [fails('0', unknownFlag), warn('1.24.0', 'the interval is lost')],
  'heredoc-copy': [fails('0', 'it looks for a file of that name')],
  'heredoc-copy-variables': [fails('0', 'it looks for a file of that name')],
  'heredoc-exec-form': [fails('0', 'the command is taken for the shell form')],
  'heredoc-run': [silent('0', 'nothing is run')],
  'heredoc-shebang': [silent('0', 'nothing is run')],
  'mount-bind': [silent('0', 'the mount is not there')],
  'mount-cache': [silent('0', 'what is cached lands in the layer')],
  'mount-from': [silent('0', 'the mount is not there')],
  'mount-secret': [silent('0', 'the secret is not there, required or not')],
  'mount-ssh': [silent('0', 'there is no ssh agent, required or not')],
  'mount-tmpfs': [silent('0', 'what is written there lands in the layer')],
  onbuild: [ok()],
  'platform-args': [ok()],
  'platform-args-global': [ok()],
  'run-device': [fails('0', unknownFlag), silent('1.24.0', 'the device is not there')],
  'run-network': [silent('0', 'the network stays as it is')],
  'run-security': [fails('0', unknownFlag)],
  'shell-form-overwritten': [silent('0', 'the last of them is in the place of all')],
  'shell-form-start': [ok()],
  'syntax-frontend': [silent('0', 'it is read as a plain Dockerfile')],
  // kaniko-build takes them out of what the executor reads.
  'unused-stage': [ok()],
}

/** chainguard-forks/kaniko: upstream 1.24.0 with a newer Dockerfile parser, so more flags are known and ignored. */
const chainguardVerdicts: VerdictTable = {
  ...upstreamVerdicts,
  'add-unpack': [silent('0', 'it is unpacked all the same')],
  'copy-chmod': [ok()],
  'copy-chmod-symbolic': [fails('0', 'it cannot parse the mode')],
  'copy-exclude': [silent('0', 'what is excluded is copied')],
  'copy-parents': [silent('0', 'the directories are flattened')],
  'healthcheck-start-interval': [warn('0', 'the interval is lost')],
  'run-device': [silent('0', 'the device is not there')],
  'run-security': [silent('0', 'nothing changes')],
}

/** osscontainertools/kaniko, formerly mzihlmann/kaniko: from 1.24.1 on. */
const forkVerdicts: VerdictTable = {
  ...chainguardVerdicts,
  'add-unpack': [fails('0', unknownFlag), silent('1.26.0', 'it is unpacked all the same')],
  'base-onbuild': [silent('0', 'the triggers are dropped'), ok('1.26.5')],
  'check-error': [warn('0', 'nothing is checked'), warn('1.27.2', 'mistakes are told and do not fail the build')],
  'copy-chmod-symbolic': [fails('0', 'it cannot parse the mode'), ok('1.28.0')],
  'copy-exclude': [fails('0', unknownFlag), silent('1.26.0', 'what is excluded is copied')],
  'copy-parents': [fails('0', unknownFlag), silent('1.28.0', 'the directories are flattened')],
  'copy-to-kaniko': [ok(), logged('1.27.5', 'nothing is copied there')],
  'copy-user': [ok(), ok('1.28.0', { env: { FF_KANIKO_COPY_AS_ROOT: 'true' } })],
  'heredoc-copy': [fails('0', 'it looks for a file of that name'), ok('1.25.4')],
  'heredoc-copy-variables': [
    silent('0', 'the variables are not expanded'),
    ok('1.28.3', { env: { FF_KANIKO_EXPAND_HEREDOC: 'true' } }),
    ok('1.29.0'),
  ],
  'heredoc-run': [silent('0', 'nothing is run'), ok('1.25.4')],
  'heredoc-shebang': [silent('0', 'the script is run by sh, so that a step that fails passes')],
  'mount-bind': [
    silent('0', 'the mount is not there'),
    logged('1.26.0', 'the mount is not there'),
    ok('1.27.3', { env: { FF_KANIKO_RUN_MOUNT_BIND: 'true' } }),
    ok('1.28.0'),
  ],
  'mount-cache': [silent('0', 'what is cached lands in the layer'), ok('1.26.0')],
  'mount-from': [silent('0', 'the mount is not there'), logged('1.26.0', 'the mount is not there')],
  'mount-secret': [
    silent('0', 'the secret is not there, required or not'),
    logged('1.26.0', 'the secret is not there, required or not'),
    ok('1.27.0'),
  ],
  'mount-ssh': [
    silent('0', 'there is no ssh agent, required or not'),
    logged('1.26.0', 'there is no ssh agent, required or not'),
  ],
  'mount-tmpfs': [
    silent('0', 'what is written there lands in the layer'),
    logged('1.26.0', 'what is written there lands in the layer'),
  ],
  onbuild: [silent('0', 'the triggers are dropped'), ok('1.26.1')],
  'run-device': [silent('0', 'the device is not there'), logged('1.26.0', 'the device is not there')],
  'run-network': [silent('0', 'the network stays as it is'), logged('1.26.0', 'the network stays as it is')],
  'run-security': [fails('0', unknownFlag), logged('1.28.0', 'nothing changes')],
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
