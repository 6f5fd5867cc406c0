// The preflight: what an engine would make of a Dockerfile, told before anything runs.
import { relative } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import {
  type BaseFacts,
  type BuildSettings,
  baseFindings,
  type EngineVersion,
  type Finding,
  inspectDockerfile,
  inspectParsed,
  type Judgement,
  judge,
  parseDockerfile,
  type SourceImage,
  sourceImages,
} from '@polyarch/dockerfile'
import { Failure, parseFamiliarReference } from '@polyarch/oci'
import { type LookUpImage, openImageLookup, type Stores } from '@polyarch/stores'
import type { BuildInputs } from './build-inputs.ts'
import { type BuildRequest, settingsOf } from './build-request.ts'

export interface PreflightSubject {
  /** The Dockerfile's text. */
  readonly text: string
  readonly settings: BuildSettings
}

/** What is asked of a registry once: an image for one platform and one use. */
const keyOf = ({ reference, platform, use }: SourceImage): string => `${reference} ${platform} ${use}`

/** What a registry says of the image; an index says nothing of triggers, so a base's are read from the platform's own. */
const lookUpFacts = async ({ reference, platform, use }: SourceImage, lookUp: LookUpImage): Promise<BaseFacts> => {
  const { tag = 'latest', digest, ...repository } = parseFamiliarReference(reference)
  const store = { kind: 'registry', repository } as const
  const found = await lookUp({ store, ...(digest === undefined ? { tag } : { digest }) })
  const own = found.index && use === 'base' ? found.images.get(platform)?.[0] : undefined
  return own === undefined ? found : { ...found, onbuild: (await lookUp({ store, digest: own.digest })).onbuild }
}

/**
 * The findings in what the target reaches, and those that only its base images show.
 * Base images that cannot be looked up have none: `onUnknown` is told of each, and the engine will say what it makes of it.
 * @throws {Failure} input, when there is no such target.
 */
export const findFeatures = async (
  { text, settings }: PreflightSubject,
  lookUp: LookUpImage,
  onUnknown: (message: string) => void,
): Promise<Finding[]> => {
  const dockerfile = parseDockerfile(text)
  const images = sourceImages(dockerfile, settings).filter(({ missing }) => missing.length === 0)
  const facts = new Map<string, BaseFacts>()
  const unknown = new Set<string>()
  await Promise.all(
    [...new Map(images.map((image) => [keyOf(image), image])).values()].map(async (image) => {
      try {
        facts.set(keyOf(image), await lookUpFacts(image, lookUp))
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        unknown.add(`${image.reference} was not checked: ${error.message}`)
      }
    }),
  )
  unknown.forEach(onUnknown)
  const found = [...inspectParsed(dockerfile, settings), ...baseFindings(images, (image) => facts.get(keyOf(image)))]
  return found.sort((left, right) => left.line - right.line)
}

/** One line per finding, as compilers write them: `Dockerfile:12: what happens; instead: what would do [its name]`. */
export const describeFinding = (
  place: string,
  { line, feature, message, alternative }: Judgement['findings'][number],
): string => `${place}:${line}: ${message}${alternative === '' ? '' : `; instead: ${alternative}`} [${feature}]`

/**
 * Tells what the engine would build wrong, and gives the environment that makes it build right what it can.
 * @throws {Failure} preflight, in the mode `enforce`, listing every finding that is refused.
 */
export const passPreflight = async (
  request: BuildRequest,
  engine: EngineVersion,
  mode: BuildInputs['preflight'],
  stores: Stores,
  host: Host,
): Promise<Readonly<Record<string, string>>> => {
  const subject = { text: request.dockerfileText, settings: settingsOf(request) }
  // What makes the engine build right is set in any case; only what nothing can make right is not asked for.
  if (mode === 'off') return judge(inspectDockerfile(subject.text, subject.settings), engine).env
  const findings = await findFeatures(subject, openImageLookup(stores), (message) => host.log.warning(message))
  const judgement = judge(findings, engine, request.allowances)
  for (const note of judgement.notes) host.log.warning(note)
  const file = relative(host.directory, request.dockerfile)
  const refused = judgement.findings.filter(({ verdict }) => verdict === 'refuse')
  for (const finding of judgement.findings) {
    const tell = mode === 'warn' ? finding.verdict !== 'ok' : finding.verdict === 'warn'
    if (tell) host.log.warning(describeFinding(file, finding), { file, line: finding.line })
  }
  if (mode === 'enforce' && refused.length > 0)
    throw new Failure('preflight', refused.map((finding) => describeFinding(file, finding)).join('\n'))
  return judgement.env
}
