// What a leg extends, for a leg that extends a base image of Cloud Native Buildpacks.
import { inputFailure, parsePlatform, platformSlug } from '@polyarch/oci'
import { requireImage } from './lookup.ts'
import type { Leg, Plan, PlannedExtension } from './plan.ts'

/** A directory that is another one for each platform: `{{platform}}` in it becomes, say, `linux-arm64`. */
const directoryFor = (directory: string, platform: string): string =>
  directory.replaceAll('{{platform}}', platformSlug(parsePlatform(platform)))

/**
 * What the leg extends, with the directory of its own platform; paths are relative to the workspace, or absolute.
 * @throws {Failure} input, for a leg that builds a Dockerfile.
 */
export const requireExtension = (plan: Plan, leg: Leg): PlannedExtension => {
  const { id, extend } = requireImage(plan, leg.image)
  if (extend === undefined) throw inputFailure(`leg ${leg.id} extends nothing: image ${id} has a Dockerfile`)
  return { ...extend, layers: directoryFor(extend.layers, leg.platform) }
}
