// The results as a table for a terminal.
import type { MergeResult } from '@polyarch/documents'
import { parseStoreLocation } from '@polyarch/oci'
import Table from 'cli-table3'
import prettyBytes from 'pretty-bytes'

/** How an image is pulled by its digest; one in a layout on disk is only named. */
export const pullLine = (repository: string, digest: string): string => {
  const reference = `${repository}@${digest}`
  return parseStoreLocation(repository).kind === 'registry' ? `docker pull ${reference}` : reference
}

/** All results as one table, each with its tags and how it is pulled below. */
export const describeResults = (results: readonly MergeResult[]): string => {
  if (results.length === 0) return 'no image was merged'
  const table = new Table({
    head: ['image', 'platform', 'digest', 'size'],
    style: { head: [], border: [], compact: true },
  })
  for (const { image, digest, platforms } of results) {
    table.push([image, platforms.length === 1 ? '1 platform' : `${platforms.length} platforms`, digest, ''])
    for (const platform of platforms)
      table.push([
        '',
        platform.platform,
        platform.digest,
        { content: prettyBytes(platform.layersSize), hAlign: 'right' },
      ])
  }
  const places = results.flatMap(({ image, digest, repositories }) =>
    repositories.flatMap(({ repository, tags }) => [
      `${image}: ${pullLine(repository, digest)}`,
      ...tags.map(({ tag, status }) => `  ${repository}:${tag}  ${status}`),
    ]),
  )
  return [table.toString(), ...places].join('\n')
}
