// The build of one Dockerfile on top of the image so far, as an engine is told it.

import { randomUUID } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { automaticArgs, type BuildSettings, pinSources } from '@polyarch/dockerfile'
import { type BuildMount, type BuildRequest, cacheRepositoryOf, findRealPath, hostPlatform } from '@polyarch/engine'
import { formatReference, type ImageConfig, inputFailure, platformOf, type Reference } from '@polyarch/oci'
import { planArgs, userOf } from './extension-args.ts'
import type { ExtensionDockerfile } from './generated.ts'
import type { Inputs } from './inputs.ts'
import type { ExtendPlan } from './plan.ts'

/** The directories that every RUN sees at their own paths and no layer holds: those that are there. */
export const findMounts = async ({ app, layers, platform }: ExtendPlan['paths']): Promise<readonly BuildMount[]> => {
  const mounts: BuildMount[] = []
  for (const path of new Set([app, layers, platform].toSorted((left, right) => left.length - right.length))) {
    const directory = await findRealPath(path)
    if (directory !== undefined && (await stat(directory)).isDirectory()) mounts.push({ directory, path })
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

/** What a build of an extension is made of. */
export interface RequestSource {
  readonly plan: ExtendPlan
  readonly inputs: Inputs
  readonly mounts: readonly BuildMount[]
  /** A directory for layouts, each with a name of its own. */
  readonly work: string
}

/** The request that applies the Dockerfile to the image of this config, which the engine reads from `base`. */
export const requestExtension = async (
  { plan, inputs, mounts, work }: RequestSource,
  dockerfile: ExtensionDockerfile,
  config: ImageConfig,
  base: Reference,
): Promise<BuildRequest> => {
  const platform = platformOf(config)
  const buildPlatform = hostPlatform()
  const reference = formatReference(base)
  const own = planArgs(randomUUID(), userOf(config), dockerfile.args, reference)
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
    dockerfileText: pinBase(dockerfile, settings, reference),
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
