// The images that a target is built from: bases of its stages, and images that it copies or mounts from.
import { formatPlatform } from '@polyarch/oci'
import type { Dockerfile } from './dockerfile.ts'
import { nameBaseStages } from './named-stages.ts'
import { type BuildSettings, expandLeniently, globalScope } from './scope.ts'
import { baseStage, findStage, instructionsOf, reachedStages, readsFrom } from './stage-graph.ts'
import { stagePlatform } from './stage-platform.ts'

export interface SourceImage {
  /** As it is written, with variables expanded. */
  readonly reference: string
  /** Variables of it that have no value: then the reference is not what will be pulled. */
  readonly missing: readonly string[]
  readonly use: 'base' | 'copy' | 'mount'
  /** os/architecture[/variant] that it is pulled for. */
  readonly platform: string
  readonly line: number
}

/**
 * The images that the target's stages need, without `scratch`, in the order of the file.
 * @throws {Failure} input, when there is no such target.
 */
export const sourceImages = (parsed: Dockerfile, settings: BuildSettings): SourceImage[] => {
  const dockerfile = nameBaseStages(parsed, settings)
  const globals = globalScope(dockerfile, settings)
  return reachedStages(dockerfile, settings.target).flatMap((stage): SourceImage[] => {
    const platform = formatPlatform(stagePlatform(dockerfile, stage, settings))
    const images: SourceImage[] = []
    if (!baseStage(dockerfile, stage)) {
      const { text, missing } = expandLeniently(stage.from.words[0] ?? '', globals, dockerfile.escape)
      images.push({ reference: text, missing, use: 'base', platform, line: stage.from.line })
    }
    for (const instruction of instructionsOf(dockerfile, stage))
      for (const { source, line } of readsFrom(instruction))
        if (!findStage(dockerfile, source, stage.index))
          images.push({
            reference: source,
            missing: [],
            use: instruction.keyword === 'COPY' ? 'copy' : 'mount',
            // An image that files are copied from is pulled for the target's platform, whatever the stage's is.
            platform: formatPlatform(settings.platform),
            line,
          })
    return images.filter(({ reference }) => reference !== 'scratch' && reference !== '')
  })
}
