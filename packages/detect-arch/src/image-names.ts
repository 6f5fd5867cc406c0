// Where each image goes and under which tags, before anything else is found out about it. Pure.
import { isTag } from '@polyarch/oci'
import type { ImageRequest } from './image-request.ts'
import type { Problem } from './problem.ts'
import { tagProblems } from './request-check.ts'
import { fillTagTemplate, type TemplateFacts } from './tag-template.ts'

export interface ImageNames {
  readonly id: string
  readonly repositories: readonly string[]
  readonly tags: readonly string[]
}

export interface NamedImages {
  readonly names: ReadonlyMap<string, ImageNames>
  readonly problems: readonly Problem[]
  /** Tags that were left out, and why; images without any. */
  readonly notes: readonly { readonly id: string; readonly message: string }[]
}

/** Names every image; tags whose words are not known here are left out. */
export const nameImages = (
  requests: readonly ImageRequest[],
  facts: TemplateFacts,
  defaultRepository: (id: string) => string,
): NamedImages => {
  const problems: Problem[] = []
  const notes: { id: string; message: string }[] = []
  const named = requests.map((request) => {
    const tags: string[] = []
    for (const [position, written] of request.tags.entries()) {
      const filled = fillTagTemplate(written, facts)
      if ('missing' in filled)
        notes.push({ id: request.id, message: `no tag "${written}": there is no ${filled.missing} here` })
      else if (!isTag(filled.tag))
        problems.push({
          place: request.placeOf('tags', position),
          message: `"${written}" becomes "${filled.tag}", which is not a tag`,
        })
      else if (!tags.includes(filled.tag)) tags.push(filled.tag)
    }
    const repositories = [...new Set(request.repositories ?? [defaultRepository(request.id)])]
    return { id: request.id, repositories, tags, placeOf: request.placeOf }
  })
  problems.push(...tagProblems(named))
  return {
    names: new Map(named.map(({ id, repositories, tags }) => [id, { id, repositories, tags }])),
    problems,
    notes: [
      ...notes,
      ...named
        .filter(({ tags }) => tags.length === 0)
        .map(({ id }) => ({ id, message: 'no tags: its result can be had by digest only' })),
    ],
  }
}
