// Where the executor finds and puts things. Below /kaniko nothing is ever part of an image or wiped between stages.
import { relative } from 'node:path'
import { type BuildMount, isInside, type Mount } from '@polyarch/engine'

/** The directories on this machine that a build needs. */
export interface BuildDirectories {
  readonly context: string
  /** `.polyarch` of the workspace, where temporary files, and so jails, are. */
  readonly own: string
  /** Dockerfile, logins, secrets and certificates. */
  readonly staging: string
  /** Where the layout goes. */
  readonly output: string
  /** What commands see besides the image. */
  readonly mounts: readonly BuildMount[]
}

/** Paths as the executor sees them. */
export interface Places {
  readonly context: string
  readonly dockerfile: string
  readonly layout: string
  /** A directory with config.json. */
  readonly dockerConfig: string
  /** A directory with one file per build secret. */
  readonly secrets: string
  /** Directories of certificate authorities, separated by `:`. */
  readonly certificates: string
  readonly temporary: string
}

/** The executor, wherever one runs. */
export const executorPath = '/kaniko/executor'

const staging = '/kaniko/polyarch'

/** In a root of its own: a jail or a container. */
export const isolatedPlaces: Places = {
  context: '/kaniko/buildcontext',
  dockerfile: `${staging}/Dockerfile`,
  layout: '/kaniko/layout',
  dockerConfig: `${staging}/docker`,
  secrets: `${staging}/secrets`,
  certificates: `/kaniko/ssl/certs:${staging}/certificates`,
  temporary: '/kaniko',
}

/** This machine's directories, as a root of its own sees them; what Polyarch keeps in the context is not seen. */
export const isolatedMounts = ({ context, own, staging: source, output, mounts }: BuildDirectories): Mount[] => [
  { kind: 'bind', source: context, target: isolatedPlaces.context, readOnly: true },
  ...(isInside(context, own) && own !== context
    ? [{ kind: 'empty', target: `${isolatedPlaces.context}/${relative(context, own)}` } as const]
    : []),
  { kind: 'bind', source, target: staging, readOnly: true },
  { kind: 'bind', source: output, target: isolatedPlaces.layout, readOnly: false },
  ...mounts.map(({ directory, path }) => ({ kind: 'bind', source: directory, target: path, readOnly: false }) as const),
]
