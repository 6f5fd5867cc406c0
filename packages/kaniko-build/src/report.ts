// The summary of a build, as markdown.
import type { Outputs } from './outputs.ts'

export const report = (outputs: Outputs): string =>
  [
    `**${outputs.platform}** built with kaniko ${outputs['engine-version']}`,
    '',
    '| platform | manifest | media type | size |',
    '|---|---|---|---|',
    `| ${outputs.platform} | \`${outputs.digest}\` | ${outputs['media-type']} | ${outputs.size} B |`,
    '',
  ].join('\n')
