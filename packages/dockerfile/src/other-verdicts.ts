// What buildah and BuildKit do with each feature, as measured on buildah 1.28.2 and BuildKit 0.33.0.
import { type Feature, features } from './feature.ts'
import { fails, ok, silent, type VerdictEntries, type VerdictTable, warn } from './verdict-table.ts'

const unknownFlag = 'unknown flag'
const noHeredocs = 'heredocs are not known'
const wrongPrograms = 'the config says this platform, the programs are for the other'

export const buildahVerdicts: VerdictTable = {
  'add-checksum': [fails('0', unknownFlag)],
  'add-chmod-special': [ok()],
  'add-git': [silent('0', 'the page that the server answers is stored as a file')],
  'add-unpack': [fails('0', unknownFlag)],
  'base-onbuild': [ok()],
  'base-platform-missing': [fails('0', 'the image cannot be pulled')],
  'base-single-platform': [silent('0', wrongPrograms)],
  'check-error': [warn('0', 'nothing is checked')],
  'copy-chmod': [ok()],
  'copy-chmod-symbolic': [fails('0', 'it cannot parse the mode')],
  'copy-exclude': [fails('0', unknownFlag)],
  'copy-link': [fails('0', unknownFlag)],
  'copy-parents': [fails('0', unknownFlag)],
  'copy-to-kaniko': [ok()],
  'copy-user': [ok()],
  'from-platform': [ok()],
  'healthcheck-start-interval': [fails('0', unknownFlag)],
  'heredoc-copy': [fails('0', noHeredocs)],
  'heredoc-copy-variables': [fails('0', noHeredocs)],
  'heredoc-exec-form': [fails('0', noHeredocs)],
  'heredoc-run': [fails('0', noHeredocs)],
  'heredoc-shebang': [fails('0', noHeredocs)],
  'mount-bind': [ok()],
  'mount-cache': [ok()],
  'mount-from': [ok()],
  'mount-secret': [ok()],
  'mount-ssh': [ok()],
  'mount-tmpfs': [ok()],
  onbuild: [ok()],
  'platform-args': [ok()],
  'platform-args-global': [fails('0', 'it has no value')],
  'run-device': [fails('0', unknownFlag)],
  'run-network': [fails('0', unknownFlag)],
  'run-security': [fails('0', unknownFlag)],
  'shell-form-overwritten': [ok()],
  'shell-form-start': [silent('0', 'it is started by /bin/sh -c, not by that shell')],
  'syntax-frontend': [silent('0', 'it is read as a plain Dockerfile')],
  'unused-stage': [ok()],
}

const builtRight = Object.fromEntries(Object.keys(features).map((feature) => [feature, [ok()]])) as unknown as Record<
  Feature,
  VerdictEntries
>

/** Most features are what BuildKit made them to be. */
export const buildkitVerdicts: VerdictTable = {
  ...builtRight,
  'base-platform-missing': [fails('0', 'the image cannot be pulled')],
  'base-single-platform': [silent('0', wrongPrograms)],
  'heredoc-exec-form': [fails('0', 'the command is taken for the shell form')],
  'run-security': [warn('0', 'it fails where buildkitd-args and engine-args do not grant security.insecure')],
}

/** The newest versions that were measured. */
export const newestBuildah = '1.28.2'
export const newestBuildkit = '0.33.0'
