// The inputs that the build steps share, whatever the engine.
import { choice, lines, list, map, text } from '@polyarch/ci-host'
import { storeInputs } from '@polyarch/stores'

export const buildInputs = {
  plan: text('The plan as detect-arch gives it: its JSON, its file or its artifact'),
  leg: text('The leg of the plan to build, for example web.linux-amd64'),
  context: text('Without a plan: the build context, a directory of the workspace; default the workspace itself'),
  dockerfile: text('Without a plan: the Dockerfile, relative to the context or the workspace; default Dockerfile'),
  target: text('Without a plan: the stage to build; default the last'),
  platform: text('Without a plan: the platform to build for; default this machine’s'),
  'build-args': map('Build arguments, lines of key=value; a bare key takes its value from the environment'),
  labels: map('Labels, lines of key=value'),
  annotations: map('Annotations of the manifest, lines of key=value'),
  layout: text('Where the OCI image layout goes; default .polyarch/layouts/<leg, or platform>'),
  'cache-repo': text('A repository for cached layers; each platform gets one of its own below it'),
  secrets: lines('Build secrets, lines of id=value or id=@file', { secret: true }),
  preflight: choice(
    'What happens when the engine would build this Dockerfile wrongly',
    ['enforce', 'warn', 'off'],
    'enforce',
  ),
  bases: list(
    'Merge results of images of the plan that this one is built from: files or directories; FROM lines that name them get the digests just merged',
  ),
  allow: map('Without a plan: preflight findings that are fine here, lines of finding=reason'),
  'source-date-epoch': text(
    'Builds reproducibly: timestamps are not those of the build, but these (seconds since 1970), or commit: the commit’s',
  ),
  'media-type': choice(
    'The media types of the image: auto as the engine and the base image have them, or oci always',
    ['auto', 'oci'],
    'auto',
  ),
  timeout: text(
    'How long the engine may take before it is stopped: minutes, or for example 45s, 90m or 1h30m; default as long as it wants',
  ),
  'engine-args': lines('More arguments for the engine, one per line, appended as they are'),
}

/** What every engine is told besides the build itself. */
export const engineInputs = { preflight: buildInputs.preflight, ...storeInputs }

/** For the engines that can hand an agent's sockets to a RUN. */
export const sshInput = lines(
  'SSH agents for RUN --mount=type=ssh, one per line: default for the job’s own, or id=socket or key file',
)

/** The values of the inputs that the build steps share. */
export interface BuildInputs {
  readonly plan?: string | undefined
  readonly leg?: string | undefined
  readonly context?: string | undefined
  readonly dockerfile?: string | undefined
  readonly target?: string | undefined
  readonly platform?: string | undefined
  readonly 'build-args': Readonly<Record<string, string | undefined>>
  readonly labels: Readonly<Record<string, string | undefined>>
  readonly annotations: Readonly<Record<string, string | undefined>>
  readonly layout?: string | undefined
  readonly 'cache-repo'?: string | undefined
  readonly secrets: readonly string[]
  readonly preflight: 'enforce' | 'warn' | 'off'
  readonly bases: readonly string[]
  readonly allow: Readonly<Record<string, string | undefined>>
  readonly 'source-date-epoch'?: string | undefined
  readonly 'media-type': 'auto' | 'oci'
  readonly timeout?: string | undefined
  readonly 'engine-args': readonly string[]
}
