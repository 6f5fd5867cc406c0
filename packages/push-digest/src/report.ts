// The summary of a push, as markdown.
import type { Outputs } from './outputs.ts'

/** Text as inline code that cannot end the table cell that it stands in. */
const code = (text: string): string => `\`${text.replaceAll(/[`|\r\n]/g, ' ')}\``

export const report = ({ record }: Outputs): string =>
  [
    '| platform | pushed by digest | engine |',
    '|---|---|---|',
    `| ${record.platform} | ${code(`${record.repository}@${record.digest}`)} | ${record.engine ? code(`${record.engine.name} ${record.engine.version}`) : ''} |`,
    '',
  ].join('\n')
