// polyarch.plan/v1: what will be built, decided before anything is.
import { digestOf, hexOf, verificationFailure } from '@polyarch/oci'
import { z } from 'zod'
import { canonicalJson } from './canonical.ts'
import {
  commitField,
  engineField,
  imageIdField,
  legIdField,
  platformField,
  storeField,
  tagField,
  textMapField,
} from './fields.ts'

export const PlannedBuild = z.strictObject({
  context: z.string(),
  dockerfile: z.string(),
  target: z.string().nullable(),
  args: textMapField,
  remote: z.strictObject({ url: z.string(), ref: z.string(), commit: commitField }).nullable(),
  /** Preflight findings that somebody says are fine; absent where there are none. */
  allow: z.array(z.strictObject({ finding: z.string(), reason: z.string() })).optional(),
})
export type PlannedBuild = z.infer<typeof PlannedBuild>

/** A base image of Cloud Native Buildpacks that is extended, instead of a Dockerfile that is built. */
export const PlannedExtension = z.strictObject({
  kind: z.enum(['run', 'build']).meta({ description: 'Which base image is extended.' }),
  context: z.string().meta({ description: 'The application, which the extensions’ Dockerfiles may copy from.' }),
  layers: z.string().meta({
    description: 'Where the lifecycle’s phases leave their files; {{platform}} stands for the leg’s platform.',
  }),
})
export type PlannedExtension = z.infer<typeof PlannedExtension>

export const PlannedImage = z.strictObject({
  id: imageIdField,
  repositories: z.array(storeField).min(1),
  tags: z.array(tagField),
  platforms: z.array(platformField).min(1),
  labels: textMapField,
  annotations: textMapField,
  /** Null where every platform is built elsewhere, and where another image is extended. */
  build: PlannedBuild.nullable(),
  /** Absent where nothing is extended. */
  extend: PlannedExtension.optional(),
  prebuilt: z.record(platformField, z.string()),
  needs: z.array(imageIdField),
})
export type PlannedImage = z.infer<typeof PlannedImage>

export const Leg = z.strictObject({
  id: legIdField,
  image: imageIdField,
  platform: platformField,
  engine: engineField,
  runner: z.union([z.string(), z.array(z.string()).min(1)]),
  native: z.boolean(),
})
export type Leg = z.infer<typeof Leg>

export const Plan = z
  .strictObject({
    schema: z.literal('polyarch.plan/v1'),
    id: z.string().regex(/^[0-9a-f]{12}$/, { error: 'expected 12 hex digits' }),
    source: z.strictObject({
      repository: z.string().nullable(),
      revision: commitField.nullable(),
      created: z.iso.datetime().nullable(),
    }),
    images: z.array(PlannedImage),
    legs: z.array(Leg),
    skipped: z.array(z.strictObject({ image: imageIdField, reason: z.string() })),
  })
  .meta({ title: 'polyarch.plan/v1', description: 'What will be built: images, platforms, tags and legs.' })
export type Plan = z.infer<typeof Plan>

/** The id of a plan: 12 hex digits of sha256 over the canonical JSON of everything below the id. */
export const planId = ({ source, images, legs, skipped }: Omit<Plan, 'schema' | 'id'>): string =>
  hexOf(digestOf(new TextEncoder().encode(canonicalJson({ source, images, legs, skipped })))).slice(0, 12)

/** A plan with its id. */
export const sealPlan = (content: Omit<Plan, 'schema' | 'id'>): Plan => ({
  schema: 'polyarch.plan/v1',
  id: planId(content),
  ...content,
})

/**
 * Checks that the plan is the one its id names, and that its legs are exactly the platforms its images have to build.
 * @throws {Failure} verification, saying what was changed.
 */
export const verifyPlan = (plan: Plan): Plan => {
  const actual = planId(plan)
  if (actual !== plan.id)
    throw verificationFailure(
      `the plan says id ${plan.id} but its content has ${actual}: it was changed after planning`,
    )
  for (const [what, items] of [
    ['image', plan.images],
    ['leg', plan.legs],
  ] as const) {
    const ids = new Set<string>()
    for (const { id } of items) {
      if (ids.has(id)) throw verificationFailure(`plan ${plan.id}: there are two ${what}s with the id ${id}`)
      ids.add(id)
    }
  }
  const expected = new Set(
    plan.images.flatMap((image) =>
      image.platforms
        .filter((platform) => !Object.hasOwn(image.prebuilt, platform))
        .map((platform) => `${image.id} ${platform}`),
    ),
  )
  for (const leg of plan.legs) {
    if (!expected.delete(`${leg.image} ${leg.platform}`))
      throw verificationFailure(`plan ${plan.id}: leg ${leg.id} is not one that its images need`)
  }
  for (const missing of expected) throw verificationFailure(`plan ${plan.id}: there is no leg for ${missing}`)
  return plan
}
