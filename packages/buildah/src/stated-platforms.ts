// Says in each FROM which platform it means: buildah before 1.29 forgets the one that is built for.
import { baseStage, flagValue, parseDockerfile } from '@polyarch/dockerfile'
import { formatPlatform, type Platform } from '@polyarch/oci'

/**
 * The Dockerfile's text with the platform in each FROM of an image that states none, where another FROM states one:
 * buildah 1.28 takes a stated platform for that of all later stages, and builds them from the wrong image without a word.
 */
export const statePlatforms = (text: string, platform: Platform): string => {
  const dockerfile = parseDockerfile(text)
  const { stages } = dockerfile
  if (stages.every(({ from }) => flagValue(from, 'platform') === undefined)) return text
  const lines = text.split('\n')
  for (const stage of stages) {
    const { from } = stage
    if (flagValue(from, 'platform') !== undefined || baseStage(dockerfile, stage) !== undefined) continue
    if (from.words[0] === 'scratch') continue
    const position = from.line - 1
    lines[position] = lines[position]!.replace(
      /^\s*FROM(?=\s)/i,
      (word) => `${word} --platform=${formatPlatform(platform)}`,
    )
  }
  return lines.join('\n')
}
