// Judges findings: what an engine of some version makes of each, why, and what would do instead.
import { type Feature, type Finding, featureFacts } from './feature.ts'
import { type KanikoLineage, kanikoLineageOfVersion, kanikoLineages } from './kaniko-verdicts.ts'
import { buildahVerdicts, buildkitVerdicts, newestBuildah } from './other-verdicts.ts'
import {
  compareVersions,
  entryFor,
  type Remedy,
  type Verdict,
  type VerdictEntry,
  type VerdictTable,
} from './verdict-table.ts'

/** The engines that are known, those without a daemon and without privileges first. */
export const engineNames = ['kaniko', 'buildah', 'buildkit'] as const
export type EngineName = (typeof engineNames)[number]

export interface EngineVersion {
  readonly engine: EngineName
  /** As the engine says it; `unset` or undefined where it does not. */
  readonly version?: string | undefined
  /** Of kaniko; default: what the version suggests. */
  readonly lineage?: KanikoLineage | undefined
}

/** A finding that somebody says is fine, and why. */
export interface Allowance {
  readonly finding: string
  readonly reason: string
}

export interface JudgedFinding extends Finding {
  readonly verdict: Verdict
  /** What the finding is and what happens, in one sentence. */
  readonly message: string
  /** What would do instead; empty where nothing has to be done. */
  readonly alternative: string
}

export interface Judgement {
  /** The worst of all findings. */
  readonly verdict: Verdict
  readonly findings: readonly JudgedFinding[]
  /** What the engine's adapter has to set for the findings that are ok because of it. */
  readonly env: Readonly<Record<string, string>>
  /** What is uncertain about the judgement itself. */
  readonly notes: readonly string[]
}

interface Rules {
  readonly name: string
  readonly find: (feature: Feature) => VerdictEntry
  readonly notes: readonly string[]
}

const isVersion = (text: string | undefined): text is string => text !== undefined && /^\d+(?:\.\d+)+/.test(text)

const rulesFrom = (table: VerdictTable, name: string, version: string, newest: string): Rules => ({
  name,
  find: (feature) => entryFor(table[feature], version),
  notes:
    compareVersions(version, newest) > 0
      ? [`${name} is newer than ${newest}, the newest version that was measured: judged as that one`]
      : [],
})

const kanikoRules = (version: string | undefined, stated: KanikoLineage | undefined): Rules => {
  const plain = version?.replace(/^v/, '')
  const lineage = stated ?? (isVersion(plain) ? kanikoLineageOfVersion(plain) : 'fork')
  const { table, newest } = kanikoLineages[lineage]
  const known = isVersion(plain) ? plain : newest
  const name = `kaniko ${known}${lineage === 'fork' ? '' : ` (${lineage})`}`
  const rules = rulesFrom(table, name, known, newest)
  return isVersion(plain) ? rules : { ...rules, notes: [`the executor does not say its version: judged as ${name}`] }
}

const rulesOf = ({ engine, version, lineage }: EngineVersion): Rules => {
  if (engine === 'kaniko') return kanikoRules(version, lineage)
  const plain = version?.replace(/^v/, '')
  const name = isVersion(plain) ? `${engine} ${plain}` : engine
  if (engine === 'buildah')
    return rulesFrom(buildahVerdicts, name, isVersion(plain) ? plain : newestBuildah, newestBuildah)
  // What a newer BuildKit does is right by definition.
  return { name, find: (feature) => entryFor(buildkitVerdicts[feature], isVersion(plain) ? plain : '999'), notes: [] }
}

/** What the table says of a feature for an engine, whatever a Dockerfile does with it. */
export const verdictEntry = (feature: Feature, engine: EngineVersion): VerdictEntry => rulesOf(engine).find(feature)

/** Engines, other than this one, that build the feature right. */
const enginesFor = (feature: Feature, except: EngineName): EngineName[] =>
  engineNames.filter((engine) => engine !== except && rulesOf({ engine }).find(feature).verdict === 'ok')

const alternativeFor = (feature: Feature, engine: EngineName): string => {
  const { advice } = featureFacts(feature)
  const others = enginesFor(feature, engine)
  return [
    ...(advice === undefined ? [] : [advice]),
    ...(others.length === 0 ? [] : [`engine ${others.join(' or ')}`]),
  ].join(', or ')
}

const severity: Readonly<Record<Verdict, number>> = { ok: 0, warn: 1, refuse: 2 }

/** The worst of the verdicts. */
const worstVerdict = (verdicts: readonly Verdict[]): Verdict =>
  verdicts.reduce<Verdict>((worst, next) => (severity[next] > severity[worst] ? next : worst), 'ok')

/** What the engine makes of each finding; an allowed one that would be refused is a warning with the reason. */
export const judge = (
  findings: readonly Finding[],
  engine: EngineVersion,
  allowances: readonly Allowance[] = [],
): Judgement => {
  const rules = rulesOf(engine)
  const env: Record<string, string> = {}
  const remedies: (Remedy | undefined)[] = []
  const judged = findings.map((finding): JudgedFinding => {
    const { title } = featureFacts(finding.feature)
    const entry = rules.find(finding.feature)
    const what = finding.detail === '' || finding.detail === title ? title : `${title} (${finding.detail})`
    if (entry.verdict === 'ok') {
      remedies.push(entry.remedy)
      return { ...finding, verdict: 'ok', message: `${what}: ${rules.name} builds it right`, alternative: '' }
    }
    const message = `${what}: with ${rules.name}, ${entry.happens}`
    const allowed = allowances.find(({ finding: name }) => name === finding.feature)
    if (allowed && entry.verdict === 'refuse')
      return { ...finding, verdict: 'warn', message: `${message}; allowed: ${allowed.reason}`, alternative: '' }
    return { ...finding, verdict: entry.verdict, message, alternative: alternativeFor(finding.feature, engine.engine) }
  })
  for (const remedy of remedies) Object.assign(env, remedy?.env)
  return { verdict: worstVerdict(judged.map(({ verdict }) => verdict)), findings: judged, env, notes: rules.notes }
}
