// The features of Dockerfiles that engines treat differently: what BuildKit does, and how to do without.

interface FeatureFacts {
  /** What it is, as a message names it. */
  readonly title: string
  /** How the Dockerfile can do without; undefined where only another engine helps. */
  readonly advice?: string
}

/** Every feature that findings name; allowances in polyarch.yaml use these names. */
export const features = {
  'add-checksum': { title: 'ADD --checksum', advice: 'RUN with sha256sum -c on what ADD fetched' },
  'add-chmod-special': { title: 'ADD --chmod with setuid, setgid or sticky bit', advice: 'RUN chmod after it' },
  'add-git': { title: 'ADD of a git repository', advice: 'fetch it before the build, or with git in a RUN' },
  'add-unpack': { title: 'ADD --unpack', advice: 'COPY, which never unpacks' },
  'base-onbuild': { title: 'a base image with ONBUILD triggers', advice: 'write out what they do' },
  'base-platform-missing': {
    title: 'a base image without this platform',
    advice: 'another base image, or leave the platform out',
  },
  'base-single-platform': {
    title: 'a base image of one other platform only',
    advice: 'a base image that has this platform',
  },
  'check-error': { title: '# check=error=true', advice: 'lint in a step of its own' },
  'copy-chmod': { title: 'COPY --chmod', advice: 'RUN chmod after it' },
  'copy-chmod-symbolic': { title: 'COPY --chmod with symbols', advice: 'the mode in octal digits' },
  'copy-exclude': { title: 'COPY --exclude', advice: 'a .dockerignore' },
  'copy-link': { title: 'COPY --link' },
  'copy-parents': { title: 'COPY --parents', advice: 'one COPY per directory' },
  'copy-to-kaniko': { title: 'COPY to /kaniko', advice: 'another directory' },
  'copy-user': { title: 'COPY after USER', advice: '--chown=0:0, or COPY before USER' },
  'from-platform': { title: 'FROM --platform of another platform', advice: 'build that stage as an image of its own' },
  'healthcheck-start-interval': { title: 'HEALTHCHECK --start-interval' },
  'heredoc-copy': { title: 'a heredoc in COPY', advice: 'a file in the context' },
  'heredoc-copy-variables': { title: 'variables in a COPY heredoc', advice: 'RUN printf into the file' },
  'heredoc-exec-form': { title: 'a heredoc with the exec form of RUN', advice: 'the shell form' },
  'heredoc-run': { title: 'a heredoc in RUN', advice: 'commands joined with &&' },
  'heredoc-shebang': { title: 'a RUN heredoc with #!', advice: 'RUN <<EOF with "set -e", or a script in the context' },
  'mount-bind': { title: 'RUN --mount=type=bind', advice: 'COPY' },
  'mount-cache': { title: 'RUN --mount=type=cache', advice: 'RUN that removes its cache' },
  'mount-from': { title: 'RUN --mount=from', advice: 'COPY --from into a stage that is not kept' },
  'mount-secret': { title: 'RUN --mount=type=secret', advice: 'fetch what needs the secret before the build' },
  'mount-ssh': { title: 'RUN --mount=type=ssh', advice: 'fetch what needs ssh before the build' },
  'mount-tmpfs': { title: 'RUN --mount=type=tmpfs', advice: 'RUN that removes its files' },
  onbuild: { title: 'ONBUILD in a stage that another one is built on', advice: 'write out the instructions' },
  'platform-args': { title: 'automatic platform arguments' },
  'platform-args-global': {
    title: 'a platform argument in FROM that no ARG declares',
    advice: 'ARG with its name before the first FROM',
  },
  'run-device': { title: 'RUN --device' },
  'run-network': { title: 'RUN --network' },
  'run-security': { title: 'RUN --security' },
  'shell-form-overwritten': {
    title: 'CMD or ENTRYPOINT in shell form after SHELL, and another shell form after it',
    advice: 'the exec form',
  },
  'shell-form-start': { title: 'CMD or ENTRYPOINT in shell form after SHELL', advice: 'the exec form' },
  'syntax-frontend': { title: 'a # syntax= of another frontend' },
  'unused-stage': { title: 'stages that the target does not need' },
} as const satisfies Readonly<Record<string, FeatureFacts>>

export type Feature = keyof typeof features

/** The facts of a feature, with the optional ones visible. */
export const featureFacts = (feature: Feature): FeatureFacts => features[feature]

/** A feature at its place in the Dockerfile. */
export interface Finding {
  readonly feature: Feature
  readonly line: number
  /** The part of the instruction that is meant: a flag, a path, a reference. */
  readonly detail: string
}
