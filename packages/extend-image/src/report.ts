// The summary of an extension, as markdown.
import type { Outputs } from './outputs.ts'

export const report = (outputs: Outputs): string => {
  const by = outputs['engine-version'] === '' ? '' : ` with ${outputs.engine} ${outputs['engine-version']}`
  const extensions = outputs.extensions.length === 0 ? 'nothing to apply' : outputs.extensions.join(', ')
  return [
    `**${outputs.kind} image for ${outputs.platform}** extended${by}`,
    '',
    '| extensions | manifest | where |',
    '|---|---|---|',
    `| ${extensions} | \`${outputs.digest}\` | ${outputs.reference || outputs.layout} |`,
    '',
  ].join('\n')
}
