// What buildah and BuildKit do with each feature: buildah as Debian's 1.28.2 was measured, BuildKit as the reference.
import { ok, refuse, type VerdictTable } from './verdict-table.ts'

const loud = 'the build fails: unknown flag'

/** A feature that is not listed was not measured. */
export const buildahVerdicts: VerdictTable = {
  'add-checksum': [refuse('0', loud)],
  'add-unpack': [refuse('0', loud)],
  'copy-exclude': [refuse('0', loud)],
  'copy-parents': [refuse('0', loud)],
  'copy-to-kaniko': [ok()],
  'from-platform': [ok()],
  'heredoc-copy': [refuse('0', 'the build fails: heredocs are not known')],
  'heredoc-copy-variables': [refuse('0', 'the build fails: heredocs are not known')],
  'heredoc-exec-form': [refuse('0', 'the build fails: heredocs are not known')],
  'heredoc-run': [refuse('0', 'the build fails: heredocs are not known')],
  'heredoc-shebang': [refuse('0', 'the build fails: heredocs are not known')],
  'mount-cache': [ok()],
  'mount-from': [ok()],
  'mount-tmpfs': [ok()],
  'platform-args': [ok()],
  'platform-args-global': [ok()],
  'run-network': [refuse('0', loud)],
}

/** Only what is wrong whatever builds it; everything else is what BuildKit made it to be. */
export const buildkitVerdicts: VerdictTable = {
  'base-platform-missing': [refuse('0', 'the build fails when it pulls the image')],
  'base-single-platform': [refuse('0', 'a warning in the log, and programs for the other platform')],
}
