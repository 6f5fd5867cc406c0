// The summary of a build, as markdown, whatever the engine.
import type { BuildOutputs } from './build-outputs.ts'
import { formatMemory, formatSeconds } from './engine-run.ts'

/** The summary of one build; `engine` as people write its name. */
export const reportBuild = (engine: string, outputs: BuildOutputs): string =>
  [
    `**${outputs.platform}** built with ${engine} ${outputs['engine-version']}`,
    '',
    '| platform | manifest | media type | size | engine time | peak memory | cache hits |',
    '|---|---|---|---|---|---|---|',
    `| ${outputs.platform} | \`${outputs.digest}\` | ${outputs['media-type']} | ${outputs.size} B | ${formatSeconds(outputs['engine-seconds'])} | ${formatMemory(outputs['peak-memory'] ?? undefined)} | ${outputs['cache-hits']} |`,
    '',
  ].join('\n')
