// Findings as GitLab reads them in a merge request: the code quality report (Code Climate's issue format).
import { createHash } from 'node:crypto'
import type { Judgement } from '@polyarch/dockerfile'

const severities = { ok: 'info', warn: 'minor', refuse: 'critical' } as const

/** The report's JSON; what is built right is not in it. */
export const formatCodeQuality = (path: string, { findings }: Pick<Judgement, 'findings'>): string => {
  const issues = findings
    .filter(({ verdict }) => verdict !== 'ok')
    .map(({ line, feature, message, verdict, detail }) => ({
      description: message,
      check_name: feature,
      // The same finding keeps its fingerprint when lines above it change.
      fingerprint: createHash('sha256')
        .update(JSON.stringify([path, feature, detail]))
        .digest('hex'),
      severity: severities[verdict],
      location: { path, lines: { begin: line } },
    }))
  return `${JSON.stringify(issues, null, 2)}\n`
}
