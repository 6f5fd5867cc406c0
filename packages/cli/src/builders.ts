// The steps that can build a leg, by the engine that the plan names, and what they are told for every leg alike.
import { buildahInputs } from '@polyarch/buildah'
import { step as buildahBuild } from '@polyarch/buildah-build'
import { buildkitInputs } from '@polyarch/buildkit'
import { step as buildkitBuild } from '@polyarch/buildkit-build'
import { type Host, parseInputs, pickInputs, type RawInputs } from '@polyarch/ci-host'
import type { Leg } from '@polyarch/documents'
import { step as extendImage } from '@polyarch/extend-image'
import { kanikoInputs } from '@polyarch/kaniko'
import { step as kanikoBuild } from '@polyarch/kaniko-build'
import { storeInputs } from '@polyarch/stores'
import { z } from 'zod'

const kaniko = kanikoBuild.inputs.shape
const buildah = buildahBuild.inputs.shape
const buildkit = buildkitBuild.inputs.shape

/** What a build step is told for every leg alike; the rest comes from the plan. */
export const engineInputs = {
  'engine-args': kaniko['engine-args'],
  'cache-repo': kaniko['cache-repo'],
  'source-date-epoch': kaniko['source-date-epoch'],
  'media-type': kaniko['media-type'],
  timeout: kaniko.timeout,
  preflight: kaniko.preflight,
  secrets: kaniko.secrets,
  ...kanikoInputs,
  ...buildahInputs,
  ...buildkitInputs,
  'platform-api': extendImage.inputs.shape['platform-api'],
}

const Alike = z.object({ ...engineInputs, ...storeInputs })

/** The values of inputs for every leg alike. */
export type AlikeInputs = z.output<typeof Alike>

/** Builds a leg: `place` says which and where, as inputs are written; gives the engine's version. */
type BuildLeg = (place: RawInputs, alike: AlikeInputs, host: Host) => Promise<{ readonly 'engine-version': string }>

export const builders: Readonly<Record<Leg['engine'], BuildLeg>> = {
  kaniko: (place, alike, host) =>
    kanikoBuild.run({ ...parseInputs(kanikoBuild, place), ...pickInputs(alike, kaniko) }, host),
  buildah: (place, alike, host) =>
    buildahBuild.run({ ...parseInputs(buildahBuild, place), ...pickInputs(alike, buildah) }, host),
  buildkit: (place, alike, host) =>
    buildkitBuild.run({ ...parseInputs(buildkitBuild, place), ...pickInputs(alike, buildkit) }, host),
}

/** Extends the base image of a leg that has no Dockerfile of its own; which engine does so, the plan says. */
export const extendLeg: BuildLeg = (place, alike, host) =>
  extendImage.run({ ...parseInputs(extendImage, place), ...pickInputs(alike, extendImage.inputs.shape) }, host)
