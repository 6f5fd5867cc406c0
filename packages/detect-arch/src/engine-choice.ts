// Chooses the engine of a leg: the one that was asked for, or the first that builds the Dockerfile right.
import {
  type EngineName,
  type EngineVersion,
  featureFacts,
  inspectParsed,
  type JudgedFinding,
  judge,
  type Verdict,
} from '@polyarch/dockerfile'
import { type BuildFacts, settingsOf } from './build-facts.ts'
import type { EngineChoice } from './image-request.ts'

/** What an image with engine `auto` has to choose from, best first, in the versions that legs will be built with. */
export type EngineOffer = readonly [EngineVersion, ...EngineVersion[]]

interface Candidate {
  readonly engine: EngineName
  readonly verdict: Verdict
  /** The first finding that has the worst verdict. */
  readonly worst: JudgedFinding | undefined
}

const judgeFor = (offer: EngineOffer, facts: BuildFacts, platform: string, buildPlatform: string): Candidate[] => {
  const allowed = new Set((facts.build.allow ?? []).map(({ finding }) => finding))
  const findings = inspectParsed(facts.dockerfile, settingsOf(facts.build, platform, buildPlatform)).filter(
    ({ feature }) => !allowed.has(feature),
  )
  return offer.map((version) => {
    const { verdict, findings: judged } = judge(findings, version)
    return { engine: version.engine, verdict, worst: judged.find((finding) => finding.verdict === verdict) }
  })
}

const placeOf = ({ build }: BuildFacts, { line, feature }: JudgedFinding): string =>
  `${build.dockerfile}:${line} (${featureFacts(feature).title})`

/**
 * The engine for the platform, built on a machine of the other, and why. Without one whose verdict is ok it is the one
 * with the mildest: its step says in full what is wrong.
 */
export const chooseEngine = (
  offer: EngineOffer,
  wanted: EngineChoice,
  facts: BuildFacts | undefined,
  platform: string,
  buildPlatform: string,
): { readonly engine: EngineName; readonly reason: string } => {
  if (wanted !== 'auto') return { engine: wanted, reason: `engine ${wanted}` }
  const [{ engine: preferred }] = offer
  if (facts === undefined) return { engine: preferred, reason: `engine ${preferred}` }
  const candidates = judgeFor(offer, facts, platform, buildPlatform)
  const [first] = candidates
  const right = candidates.find(({ verdict }) => verdict === 'ok')
  if (right === first || first?.worst === undefined)
    return { engine: preferred, reason: `engine ${preferred} builds it right` }
  const place = placeOf(facts, first.worst)
  if (right)
    return {
      engine: right.engine,
      reason: `engine ${right.engine}, since ${first.engine} does not build ${place} right`,
    }
  const { engine } = candidates.find(({ verdict }) => verdict === 'warn') ?? first
  return { engine, reason: `engine ${engine}, though none builds ${place} right` }
}
