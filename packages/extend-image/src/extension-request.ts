// The build of one Dockerfile on top of the image so far, as an engine is told it.

import { randomUUID } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { automaticArgs, type BuildSettings, pinSources } from '@polyarch/dockerfile'
import {
  type BuildMount,
  type BuildRequest,
  cacheRepositoryOf,
  checkMounts,
  findRealPath,
  hostPlatform,
} from '@polyarch/engine'
import { Failure, formatReference, type ImageConfig, inputFailure, platformOf, type Reference } from '@polyarch/oci'
import { findCopies, findOwner, writeOwner } from './copied-owners.ts'
import { type ImageUser, planArgs } from './extension-args.ts'
import type { ExtensionDockerfile } from './generated.ts'
import type { Inputs } from './inputs.ts'
import type { EngineName, ExtendPlan } from './plan.ts'

/** Where the lifecycle's phases see these directories in their containers, wherever they are on this machine. */
const usualPaths = { app: '/workspace', layers: '/layers', platform: '/platform' } as const

/** Where every RUN sees the app, the layers and the platform: at their usual paths, and at their own. */
export const planMounts = (paths: ExtendPlan['paths']): readonly BuildMount[] => {
  const places = Object.entries(usualPaths).map(([name, usual]) => {
    const own = paths[name as keyof typeof usualPaths]
    return { own, usual }
  })
  const mounts = new Map<string, string>()
  for (const { own } of places) if (canMount(own)) mounts.set(own, own)
  for (const { own, usual } of places) if (!mounts.has(usual)) mounts.set(usual, own)
  const shortest = [...mounts].toSorted(([left], [right]) => left.length - right.length)
  return shortest.map(([path, directory]) => ({ path, directory }))
}

/** Whether engines take it; a directory that they do not is seen at its usual path alone. */
const canMount = (path: string): boolean => {
  try {
    checkMounts([{ directory: path, path }])
    return true
  } catch (error) {
    if (error instanceof Failure) return false
    throw error
  }
}

/** The mounts whose directories are there; where nothing is isolated (`onlyOwn`), those at their own paths. */
export const findMounts = async (planned: readonly BuildMount[], onlyOwn: boolean): Promise<readonly BuildMount[]> => {
  const mounts: BuildMount[] = []
  for (const { directory, path } of planned) {
    const real = await findRealPath(directory)
    if (real === undefined || !(await stat(real)).isDirectory()) continue
    if (!onlyOwn || real === path) mounts.push({ directory: real, path })
  }
  return mounts
}

/** The Dockerfile's text on the image so far, also where it names the image itself to which it switches. */
const pinBase = ({ text, rules }: ExtensionDockerfile, settings: BuildSettings, base: string): string => {
  if (rules.switchesTo === undefined) return text
  let switched: string | undefined
  return pinSources(text, settings, (reference) => {
    switched ??= reference
    return reference === switched ? base : undefined
  })
}

/** kaniko keeps the owners of what it copies; the others are told whose the files are, where that is one user. */
const keepOwners = async (
  text: string,
  context: string,
  engine: EngineName,
  warn: (message: string) => void,
): Promise<string> => {
  const copies = engine === 'kaniko' ? [] : findCopies(text)
  if (copies.length === 0) return text
  const owner = await findOwner(context, process.getuid?.() ?? 0)
  if (owner === undefined) {
    const lines = copies.map(({ line }) => line).join(', ')
    warn(`line ${lines}: the files in ${context} belong to several users: with ${engine}, copies of them become root’s`)
    return text
  }
  return owner.uid === 0 && owner.gid === 0 ? text : writeOwner(text, copies, owner)
}

/** What a build of an extension is made of. */
export interface RequestSource {
  readonly plan: ExtendPlan
  readonly inputs: Inputs
  readonly mounts: readonly BuildMount[]
  /** Paths below which nothing is part of the image, whether or not anything is mounted there. */
  readonly hidden: readonly string[]
  /** A directory for layouts, each with a name of its own. */
  readonly work: string
}

/** What one Dockerfile is told, however many parts it is built in. */
export interface DockerfileIdentity {
  /** A fresh UUID. */
  readonly buildId: string
  /** That of the image before it. */
  readonly user: ImageUser
}

/** The request that applies the Dockerfile to the image of this config, which the engine reads from `base`. */
export const requestExtension = async (
  { plan, inputs, mounts, work }: RequestSource,
  dockerfile: ExtensionDockerfile,
  { buildId, user }: DockerfileIdentity,
  config: ImageConfig,
  base: Reference,
  warn: (message: string) => void,
): Promise<BuildRequest> => {
  const platform = platformOf(config)
  const buildPlatform = hostPlatform()
  const reference = formatReference(base)
  const own = planArgs(buildId, user, dockerfile.args, reference)
  const args = {
    ...automaticArgs(buildPlatform, platform),
    ...Object.fromEntries(own.map(({ name, value }) => [name, value])),
  }
  const context = await findRealPath(dockerfile.context)
  if (context === undefined || !(await stat(context)).isDirectory())
    throw inputFailure(`${dockerfile.context} is no directory: it is the context of extension ${dockerfile.extension}`)
  const settings = { platform, buildPlatform, target: null, args }
  return {
    name: `${plan.name} ${dockerfile.extension}`,
    platform,
    buildPlatform,
    context,
    dockerfile: dockerfile.path,
    dockerfileText: await keepOwners(pinBase(dockerfile, settings, reference), context, plan.engine, warn),
    keepsOwners: true,
    target: undefined,
    args,
    labels: {},
    annotations: {},
    secrets: [],
    cacheRepository: cacheRepositoryOf(inputs['cache-repo'], platform),
    sourceDateEpoch: undefined,
    engineArgs: plan.engineArgs,
    mounts,
    mediaType: 'auto',
    timeoutSeconds: plan.timeoutSeconds,
    allowances: plan.allowances,
    layout: join(work, `${randomUUID()}`),
  }
}
