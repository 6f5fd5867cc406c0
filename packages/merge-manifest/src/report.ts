// What a merge did, as lines for a log and as markdown for a summary.
import type { MergeResult } from '@polyarch/documents'
import { parseStoreLocation } from '@polyarch/oci'
import prettyBytes from 'pretty-bytes'
import type { Outputs } from './outputs.ts'

/** How the index is pulled by its digest; a layout on disk is only named. */
const pullLine = (repository: string, digest: string): string => {
  const reference = `${repository}@${digest}`
  return parseStoreLocation(repository).kind === 'registry' ? `docker pull ${reference}` : reference
}

/** Lines that show the platforms, the tags by repository, and last how to pull. */
export const describeMerge = (result: MergeResult): string[] => {
  const width = Math.max(...result.platforms.map(({ platform }) => platform.length))
  return [
    `${result.image}: ${result.digest}`,
    ...result.platforms.map(
      ({ platform, digest, layersSize, prebuilt }) =>
        `  ${platform.padEnd(width)}  ${digest}  ${prettyBytes(layersSize)}${prebuilt ? '  prebuilt' : ''}`,
    ),
    ...result.repositories.flatMap(({ repository, tags }) => [
      ...tags.map(({ tag, status }) => `  ${repository}:${tag}  ${status}`),
      `  ${pullLine(repository, result.digest)}`,
    ]),
  ]
}

/** Text that stays on its line, and so inside the code block that it stands in. */
const line = (text: string): string => text.replaceAll(/[\r\n]/g, ' ')

/** Text as inline code that cannot end the table cell that it stands in. */
const code = (text: string): string => `\`${text.replaceAll(/[`|\r\n]/g, ' ')}\``

/** The markdown for the job's summary. */
export const report = ({ result }: Outputs): string | undefined => {
  if (result === undefined) return undefined
  return [
    `### ${result.image}`,
    '',
    '| platform | digest | size |',
    '|---|---|---:|',
    ...result.platforms.map(
      ({ platform, digest, layersSize, prebuilt }) =>
        `| ${platform}${prebuilt ? ' (prebuilt)' : ''} | ${code(digest)} | ${prettyBytes(layersSize)} |`,
    ),
    '',
    ...result.repositories.flatMap(({ repository, tags }) => [
      ...(tags.length === 0 ? [] : ['| tag | |', '|---|---|']),
      ...tags.map(({ tag, status }) => `| ${code(`${repository}:${tag}`)} | ${status} |`),
      '',
      '```sh',
      line(pullLine(repository, result.digest)),
      '```',
      '',
    ]),
  ].join('\n')
}
