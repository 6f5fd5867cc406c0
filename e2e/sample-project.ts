// A project as a user has it: a polyarch.yaml, a Dockerfile, and the reference pipeline of a forge.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { type RunningRegistry, reasonMissing, temporaryDirectory, writeBaseImage } from '@polyarch/parts'
import { commitAll, runOrThrow } from './command.ts'

/** What skopeo needs to speak to the registry: plain HTTP, and the login where there is one. */
export const skopeoAccess = (registry: RunningRegistry, side: '' | 'src-' | 'dest-'): string[] => [
  `--${side}tls-verify=false`,
  ...(registry.login ? [`--${side}creds=${registry.login.username}:${registry.login.password}`] : []),
]

/** Pushes a base image with a shell, for both platforms, as base:1. */
export const pushBaseImage = async (registry: RunningRegistry): Promise<void> => {
  await using layout = await temporaryDirectory('polyarch-base')
  await writeBaseImage(layout.path, { tag: '1' })
  const target = `docker://${registry.host}/base:1`
  await runOrThrow(
    ['skopeo', 'copy', '--quiet', '--all', ...skopeoAccess(registry, 'dest-'), `oci:${layout.path}:1`, target],
    {
      directory: layout.path,
    },
  )
}

// Without an emulator, nothing can be run for the other platform: files are copied instead.
const greeting = reasonMissing('binfmt-arm64') === undefined ? 'RUN uname -m > /machine' : 'COPY greeting /machine'

const dockerfile = (registry: string, last: string): string => `FROM ${registry}/base:1 AS build
ARG VERSION
COPY greeting /greeting
${greeting}

FROM ${registry}/base:1
COPY --from=build /greeting /machine /
ENV VERSION=1
CMD ["cat", "/greeting"]
${last}
`

const config = (registry: string): string => `version: 1
defaults: { registry: ${registry}/acme, platforms: [linux/amd64, linux/arm64] }
images:
  web:
    context: web
    tags: [1.0.0, latest]
    build-args: { VERSION: 1.0.0 }
`

export interface SampleProject extends AsyncDisposable {
  readonly path: string
}

/** The end of a Dockerfile that builds for amd64 only. */
export const brokenForArm64 = 'ARG TARGETARCH\nCOPY only-$TARGETARCH /only'

/** Makes the project as a git repository; `last` is the end of the Dockerfile. */
export const createProject = async (options: {
  readonly registry: string
  readonly remote: string
  readonly files: Readonly<Record<string, string>>
  readonly last?: string
}): Promise<SampleProject> => {
  const directory = await temporaryDirectory('polyarch-project')
  const files = {
    'polyarch.yaml': config(options.registry),
    'web/Dockerfile': dockerfile(options.registry, options.last ?? ''),
    'web/greeting': 'hello\n',
    'web/only-amd64': 'here\n',
    '.gitignore': '.polyarch/\n.gitlab-ci-local/\n',
    ...options.files,
  }
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory.path, name)), { recursive: true })
    await writeFile(join(directory.path, name), content)
  }
  await commitAll(directory.path, options.remote)
  return directory
}
