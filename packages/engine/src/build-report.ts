// The summary of a build, as markdown, whatever the engine.
import type { BuildOutputs } from './build-outputs.ts'
import { describeCacheUse, formatMemory, formatSeconds } from './engine-run.ts'

/** The summary of one build; `engine` as people write its name. */
export const reportBuild = (engine: string, outputs: BuildOutputs): string => {
  const cache = {
    hits: outputs['cache-hits'],
    timedHits: outputs['cache-hits-timed'],
    secondsSaved: outputs['seconds-saved'] ?? undefined,
  }
  return [
    `**${outputs.platform}** built with ${engine} ${outputs['engine-version']}`,
    '',
    '| platform | manifest | media type | size | engine time | peak memory | caches |',
    '|---|---|---|---|---|---|---|',
    `| ${outputs.platform} | \`${outputs.digest}\` | ${outputs['media-type']} | ${outputs.size} B | ${formatSeconds(outputs['engine-seconds'])} | ${formatMemory(outputs['peak-memory'] ?? undefined)} | ${describeCacheUse(cache)} |`,
    '',
  ].join('\n')
}
