// The results as markdown for a job's summary.
import type { MergeResult } from '@polyarch/documents'
import prettyBytes from 'pretty-bytes'
import type { Outputs } from './outputs.ts'
import { pullLine } from './table.ts'

/** Text that stays on its line, and so inside the code block that it stands in. */
const line = (text: string): string => text.replaceAll(/[\r\n]/g, ' ')

/** Text as inline code that cannot end the table cell that it stands in. */
const code = (text: string): string => `\`${text.replaceAll(/[`|\r\n]/g, ' ')}\``

const platformRows = ({ image, platforms }: MergeResult): string[] =>
  platforms.map(
    ({ platform, digest, layersSize, prebuilt }) =>
      `| ${image} | ${platform}${prebuilt ? ' (prebuilt)' : ''} | ${code(digest)} | ${prettyBytes(layersSize)} |`,
  )

const placesOf = ({ image, digest, repositories }: MergeResult): string[] =>
  repositories.flatMap(({ repository, tags }) => [
    '',
    `**${image}** ${tags.map(({ tag, status }) => `${code(`${repository}:${tag}`)} ${status}`).join(', ')}`,
    '```sh',
    line(pullLine(repository, digest)),
    '```',
  ])

/** One table over all images, then where each is and how it is pulled. */
export const report = ({ images, missing }: Outputs): string =>
  [
    '## Images',
    '',
    ...(images.length === 0
      ? ['No image was merged.']
      : ['| image | platform | digest | size |', '|---|---|---|---:|', ...images.flatMap(platformRows)]),
    ...(missing.length === 0 ? [] : ['', `No result for: ${missing.join(', ')}`]),
    ...images.flatMap(placesOf),
    '',
  ].join('\n')
