// Inspects a Dockerfile: every feature, in what the target reaches, that engines treat differently.
import { formatPlatform, samePlatform } from '@polyarch/oci'
import { copyFindings } from './copy-findings.ts'
import { type Dockerfile, parseDockerfile, type Stage } from './dockerfile.ts'
import { usedVariables } from './expansion.ts'
import type { Finding } from './feature.ts'
import { flagValue, type Instruction } from './instruction.ts'
import { nameBaseStages } from './named-stages.ts'
import { isAutomaticArg } from './platform-args.ts'
import { runFindings } from './run-findings.ts'
import { type BuildSettings, walkStage } from './scope.ts'
import { shellFindings } from './shell-findings.ts'
import type { SourceImage } from './source-image.ts'
import { baseStage, instructionsOf, reachedStages } from './stage-graph.ts'
import { stagePlatform } from './stage-platform.ts'

/** Frontends that are Dockerfile's own, by any tag or digest. */
const ownFrontend = /^(?:docker\.io\/)?docker\/dockerfile(?:-upstream)?(?:[:@]|$)/

const directiveFindings = ({ directives }: Dockerfile): Finding[] =>
  directives.flatMap(({ name, value, line }): Finding[] => {
    if (name === 'syntax' && !ownFrontend.test(value.trim()))
      return [{ feature: 'syntax-frontend', line, detail: value }]
    if (name === 'check' && /(?:^|;)\s*error\s*=\s*true/i.test(value))
      return [{ feature: 'check-error', line, detail: value }]
    return []
  })

const fromFindings = (dockerfile: Dockerfile, stage: Stage, settings: BuildSettings, written: string): Finding[] => {
  const { from } = stage
  const platform = stagePlatform(dockerfile, stage, settings)
  const flag = flagValue(from, 'platform')
  const declared = dockerfile.globals.flatMap(({ words }) => words.map((word) => word.split('=', 1)[0]))
  const used = usedVariables(written).filter((name) => isAutomaticArg(name) && !declared.includes(name))
  const base = baseStage(dockerfile, stage)
  const trigger = base?.instructions.find(({ keyword }) => keyword === 'ONBUILD')
  return [
    ...(flag === undefined || samePlatform(platform, settings.platform)
      ? []
      : [
          {
            feature: 'from-platform' as const,
            line: from.line,
            detail: `--platform=${flag} (${formatPlatform(platform)})`,
          },
        ]),
    ...(used[0] === undefined ? [] : [{ feature: 'platform-args-global' as const, line: from.line, detail: used[0] }]),
    ...(trigger ? [{ feature: 'onbuild' as const, line: trigger.line, detail: trigger.words.join(' ') }] : []),
  ]
}

const argFindings = ({ keyword, words, line }: Instruction): Finding[] =>
  keyword === 'ARG'
    ? words.filter(isAutomaticArg).map((name) => ({ feature: 'platform-args', line, detail: name }))
    : []

const isRoot = (user: string): boolean => /^(?:root|0)(?::|$)/.test(user)

/** The user at the end of a stage, as far as the Dockerfile says. */
const userOf = (dockerfile: Dockerfile, stage: Stage): string | undefined => {
  const own = stage.instructions.findLast(({ keyword }) => keyword === 'USER')?.words[0]
  const base = baseStage(dockerfile, stage)
  return own ?? (base && userOf(dockerfile, base))
}

const stageFindings = (dockerfile: Dockerfile, stage: Stage, settings: BuildSettings, written: string): Finding[] => {
  const findings = fromFindings(dockerfile, stage, settings, written)
  const base = baseStage(dockerfile, stage)
  let user = base && userOf(dockerfile, base)
  walkStage(dockerfile, stage, settings, (instruction, variables) => {
    const { keyword, words, line } = instruction
    findings.push(...argFindings(instruction))
    if (keyword === 'USER') user = words[0]
    if (keyword === 'RUN') findings.push(...runFindings(instruction))
    if (keyword === 'HEALTHCHECK' && flagValue(instruction, 'start-interval') !== undefined)
      findings.push({ feature: 'healthcheck-start-interval', line, detail: '--start-interval' })
    if (keyword !== 'COPY' && keyword !== 'ADD') return
    findings.push(...copyFindings(instruction, variables, dockerfile.escape))
    const owned = flagValue(instruction, 'chown') ?? flagValue(instruction, 'from')
    if (user !== undefined && !isRoot(user) && owned === undefined)
      findings.push({ feature: 'copy-user', line, detail: `USER ${user}` })
  })
  return [...findings, ...shellFindings(dockerfile, stage)]
}

const unusedFindings = (dockerfile: Dockerfile, reached: readonly Stage[]): Finding[] => {
  const last = reached.at(-1)?.index ?? 0
  return dockerfile.stages
    .filter((stage) => stage.index < last && !reached.includes(stage))
    .filter((stage) => instructionsOf(dockerfile, stage).some(({ keyword }) => keyword === 'RUN'))
    .map(({ from, name, index }) => ({ feature: 'unused-stage', line: from.line, detail: name ?? `stage ${index}` }))
}

/**
 * The findings in what the target reaches, in the order of the file.
 * @throws {Failure} input, when there is no such target.
 */
export const inspectParsed = (parsed: Dockerfile, settings: BuildSettings): Finding[] => {
  const dockerfile = nameBaseStages(parsed, settings)
  const writtenBase = ({ index }: Stage): string => parsed.stages[index]?.from.words[0] ?? ''
  const reached = reachedStages(dockerfile, settings.target)
  const found = [
    ...directiveFindings(dockerfile),
    ...unusedFindings(dockerfile, reached),
    ...reached.flatMap((stage) => stageFindings(dockerfile, stage, settings, writtenBase(stage))),
  ]
  const distinct = new Map(
    found.map((finding) => [JSON.stringify([finding.line, finding.feature, finding.detail]), finding]),
  )
  return [...distinct.values()].sort((left, right) => left.line - right.line)
}

/**
 * The findings in a Dockerfile's text.
 * @throws {Failure} input, when there is no such target.
 */
export const inspectDockerfile = (text: string, settings: BuildSettings): Finding[] =>
  inspectParsed(parseDockerfile(text), settings)

/** What a registry says of a base image. */
export interface BaseFacts {
  /** Whether it is an index; else it is one image, for the one platform of its config. */
  readonly index: boolean
  readonly platforms: readonly string[]
  readonly onbuild: boolean
}

/** The findings that need a look at the base images; images without facts have none. */
export const baseFindings = (
  images: readonly SourceImage[],
  factsOf: (image: SourceImage) => BaseFacts | undefined,
): Finding[] =>
  images.flatMap((image): Finding[] => {
    const facts = factsOf(image)
    if (!facts) return []
    const { reference, platform, line, use } = image
    const detail = `${reference} has ${facts.platforms.join(', ')}, not ${platform}`
    const onbuild: Finding[] =
      facts.onbuild && use === 'base' ? [{ feature: 'base-onbuild', line, detail: reference }] : []
    if (facts.platforms.includes(platform)) return onbuild
    return [{ feature: facts.index ? 'base-platform-missing' : 'base-single-platform', line, detail }, ...onbuild]
  })
