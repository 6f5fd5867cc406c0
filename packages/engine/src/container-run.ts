// How a container engine is asked to run one program: docker and podman understand the same words.

/** What a program sees at a place of its own: a file or directory of this machine, or nothing. */
export type Mount =
  | { readonly kind: 'bind'; readonly source: string; readonly target: string; readonly readOnly: boolean }
  /** Hides the directory that is there. */
  | { readonly kind: 'empty'; readonly target: string }

export interface ContainerRun {
  readonly name: string
  readonly image: string
  readonly entrypoint: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Variables whose values the client takes from its own environment, so that they stay out of its arguments. */
  readonly passedEnv: readonly string[]
  readonly mounts: readonly Mount[]
  /** Whether it needs this machine's loopback: a registry there is not reachable from a network of its own. */
  readonly hostNetwork: boolean
}

/** A field of a flag that is one record of CSV, as docker's --mount and BuildKit's --output are. */
export const csvField = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

const mountFields = (mount: Mount): string[] =>
  mount.kind === 'empty'
    ? ['type=tmpfs', `target=${mount.target}`]
    : ['type=bind', `source=${mount.source}`, `target=${mount.target}`, ...(mount.readOnly ? ['readonly'] : [])]

const mountFlag = (mount: Mount): string => `--mount=${mountFields(mount).map(csvField).join(',')}`

/** The arguments of `docker` or `podman` that run the program; the container stays until it is removed by its name. */
export const planContainerRun = (run: ContainerRun): string[] => [
  'run',
  `--name=${run.name}`,
  `--entrypoint=${run.entrypoint}`,
  ...(run.hostNetwork ? ['--network=host'] : []),
  ...Object.entries(run.env).map(([name, value]) => `--env=${name}=${value}`),
  ...run.passedEnv.map((name) => `--env=${name}`),
  ...run.mounts.map(mountFlag),
  run.image,
  ...run.args,
]

/** The arguments that copy a directory's content out of a container, running or not. */
export const planContainerCopy = (name: string, source: string, destination: string): string[] => [
  'cp',
  `${name}:${source}/.`,
  destination,
]

/** The arguments that end and remove a container with its volumes. */
export const planContainerRemoval = (name: string): string[] => ['rm', '--force', '--volumes', name]
