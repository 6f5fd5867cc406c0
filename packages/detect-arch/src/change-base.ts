// Which commit to compare with: what the forge says of the event that started the job.
import { readFile } from 'node:fs/promises'
import type { Host } from '@polyarch/ci-host'

export type ChangeBase =
  /** Compare with where this commit and the checked-out one part; `what` is for the log. */
  | { readonly kind: 'commit'; readonly commit: string; readonly what: string }
  /** Build everything, and why. */
  | { readonly kind: 'everything'; readonly reason: string }

type Environment = Host['env']

const everything = (reason: string): ChangeBase => ({ kind: 'everything', reason })

const isCommit = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{40}$/.test(value)

/** What a forge sends for "there was nothing before". */
const isNone = (commit: string): boolean => /^0+$/.test(commit)

const fieldAt = (value: unknown, ...path: string[]): unknown =>
  path.reduce<unknown>(
    (current, key) =>
      typeof current === 'object' && current !== null && Object.hasOwn(current, key)
        ? (current as Readonly<Record<string, unknown>>)[key]
        : undefined,
    value,
  )

const readEvent = async (path: string | undefined): Promise<unknown> => {
  if (!path) return undefined
  try {
    return JSON.parse(await readFile(path, 'utf8')) as unknown
  } catch (error) {
    // A runner without the file, or with half of one, leaves the base unknown: then everything is built.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

const commitOr = (commit: unknown, what: string, otherwise: string): ChangeBase =>
  isCommit(commit) && !isNone(commit) ? { kind: 'commit', commit, what } : everything(otherwise)

// https://docs.github.com/webhooks/webhook-events-and-payloads
const githubBase = async (env: Environment): Promise<ChangeBase> => {
  const name = env['GITHUB_EVENT_NAME'] ?? ''
  const event = await readEvent(env['GITHUB_EVENT_PATH'])
  if (env['GITHUB_REF']?.startsWith('refs/tags/')) return everything('this is a tag')
  switch (name) {
    case 'pull_request':
    case 'pull_request_target':
      return commitOr(
        fieldAt(event, 'pull_request', 'base', 'sha'),
        'the pull request’s base',
        'the event does not name the pull request’s base',
      )
    case 'merge_group':
      return commitOr(
        fieldAt(event, 'merge_group', 'base_sha'),
        'the merge group’s base',
        'the event does not name the merge group’s base',
      )
    case 'push':
      return commitOr(fieldAt(event, 'before'), 'the commit before the push', 'this is the first push of the branch')
    default:
      return everything(`the event is ${name || 'unknown'}`)
  }
}

// https://docs.gitlab.com/ci/variables/predefined_variables/
const gitlabBase = (env: Environment): ChangeBase => {
  const source = env['CI_PIPELINE_SOURCE'] ?? ''
  if (env['CI_COMMIT_TAG']) return everything('this is a tag')
  switch (source) {
    case 'merge_request_event':
    case 'external_pull_request_event':
      return commitOr(
        env['CI_MERGE_REQUEST_DIFF_BASE_SHA'] ?? env['CI_EXTERNAL_PULL_REQUEST_TARGET_BRANCH_SHA'],
        'the merge request’s base',
        'the pipeline does not name the merge request’s base',
      )
    case 'push':
    case 'parent_pipeline':
      return commitOr(env['CI_COMMIT_BEFORE_SHA'], 'the commit before the push', 'this is the first push of the branch')
    default:
      return everything(`the pipeline comes from ${source || 'an unknown source'}`)
  }
}

/** The base that the forge names; on a terminal, the branch that this one is to be merged into. */
export const forgeBase = async (host: Pick<Host, 'kind' | 'env'>): Promise<ChangeBase> => {
  if (host.kind === 'github') return await githubBase(host.env)
  if (host.kind === 'gitlab') return gitlabBase(host.env)
  return { kind: 'commit', commit: 'origin/HEAD', what: 'the remote’s default branch' }
}

/** Whether the job was started by a schedule; a person on a terminal plays one by asking for it. */
export const isScheduled = ({ kind, env }: Pick<Host, 'kind' | 'env'>): boolean =>
  kind === 'terminal' || env['GITHUB_EVENT_NAME'] === 'schedule' || env['CI_PIPELINE_SOURCE'] === 'schedule'
