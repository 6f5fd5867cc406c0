// The git facts that tag templates and OCI labels are filled from.
import type { Host, SourceFacts } from '@polyarch/ci-host'
import { openGit } from './git.ts'
import type { TemplateFacts } from './tag-template.ts'

interface RefFacts {
  readonly branch?: string | undefined
  readonly tag?: string | undefined
  readonly pr?: string | undefined
}

const githubRef = ({ env }: Pick<Host, 'env'>): RefFacts => {
  const ref = env['GITHUB_REF'] ?? ''
  const [, pr] = /^refs\/pull\/(\d+)\//.exec(ref) ?? []
  if (ref.startsWith('refs/tags/')) return { tag: ref.slice('refs/tags/'.length) }
  if (pr !== undefined) return { pr, branch: env['GITHUB_HEAD_REF'] }
  return ref.startsWith('refs/heads/') ? { branch: ref.slice('refs/heads/'.length) } : {}
}

const gitlabRef = ({ env }: Pick<Host, 'env'>): RefFacts => ({
  tag: env['CI_COMMIT_TAG'],
  branch: env['CI_COMMIT_BRANCH'] ?? env['CI_MERGE_REQUEST_SOURCE_BRANCH_NAME'],
  pr: env['CI_MERGE_REQUEST_IID'],
})

const localRef = async (host: Host): Promise<RefFacts> => {
  const git = openGit(host)
  const branch = await git.ask('symbolic-ref', '--quiet', '--short', 'HEAD')
  // Of several tags on one commit the newest version is meant.
  const tags = await git.ask('tag', '--points-at', 'HEAD', '--sort=-version:refname')
  return { branch, tag: tags?.split('\n')[0] }
}

/** A git name as a tag may be written. */
const tagText = (name: string | undefined): string | undefined =>
  name ? name.replaceAll(/[^\w.-]+/g, '-').replace(/^[.-]+/, '') || undefined : undefined

const semanticVersion = /^v?((0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([\dA-Za-z.-]+))?)(?:\+[\dA-Za-z.-]+)?$/

/** The words of a version tag. A pre-release has no major and minor of its own: it must not move the release's tags. */
const versionFacts = (tag: string | undefined): TemplateFacts => {
  // Of a monorepo's tags (web/v1.2.3, web-v1.2.3, web@1.2.3) the version is what comes last.
  const last = tag?.split(/[/@]|(?<=[A-Za-z])-(?=v?\d)/).at(-1) ?? ''
  const [, version, major, minor, patch, prerelease] = semanticVersion.exec(last) ?? []
  if (version === undefined || major === undefined || minor === undefined || patch === undefined) return {}
  return prerelease === undefined ? { version, major, minor, patch } : { version }
}

const withoutEmpty = (facts: Readonly<Record<string, string | undefined>>): TemplateFacts =>
  Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined && value !== ''))

/** The words that templates may use, as far as they are known here. */
export const templateFacts = (source: SourceFacts, { branch, tag, pr }: RefFacts): TemplateFacts =>
  withoutEmpty({
    branch: tagText(branch),
    tag: tagText(tag),
    pr,
    ...versionFacts(tag),
    sha: source.revision ?? undefined,
    'short-sha': source.revision?.slice(0, 7),
    date: source.created?.slice(0, 10).replaceAll('-', ''),
  })

/** The words that templates may use on this host. */
export const readTemplateFacts = async (host: Host, source: SourceFacts): Promise<TemplateFacts> =>
  templateFacts(
    source,
    host.kind === 'github' ? githubRef(host) : host.kind === 'gitlab' ? gitlabRef(host) : await localRef(host),
  )

/** The labels and annotations that every image of this commit has (image-spec annotations.md). */
export const sourceLabels = (source: SourceFacts, { version }: TemplateFacts): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [
      ['org.opencontainers.image.source', source.repository],
      ['org.opencontainers.image.revision', source.revision],
      ['org.opencontainers.image.created', source.created],
      ['org.opencontainers.image.version', version],
    ].filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
