// The inputs of extend-image: the lifecycle's, under its names, and Polyarch's own.

import { buildahInputs } from '@polyarch/buildah'
import { buildkitInputs } from '@polyarch/buildkit'
import { choice, number, orVariable, text } from '@polyarch/ci-host'
import { buildInputs, engineInputs } from '@polyarch/engine'
import { kanikoInputs } from '@polyarch/kaniko'
import { storeInputs } from '@polyarch/stores'
import { z } from 'zod'

/** What becomes of the extended image. */
const outputKinds = ['auto', 'extended', 'image', 'layout'] as const

const lifecycleInputs = {
  kind: orVariable('CNB_EXTEND_KIND', text('The image to extend: build or run; default build')),
  analyzed: orVariable(
    'CNB_ANALYZED_PATH',
    text('analyzed.toml, which names the image; default <layers>/analyzed.toml'),
  ),
  app: orVariable('CNB_APP_DIR', text('The application: the context of extensions without one; default /workspace')),
  buildpacks: orVariable(
    'CNB_BUILDPACKS_DIR',
    text('Accepted as the lifecycle’s extender has it; nothing is read from it'),
  ),
  extended: orVariable(
    'CNB_EXTENDED_DIR',
    text('Where the exporter looks for the extended image; default <layers>/extended'),
  ),
  generated: orVariable('CNB_GENERATED_DIR', text('What the extensions generated; default <layers>/generated')),
  gid: orVariable(
    'CNB_GROUP_ID',
    number('Accepted as the lifecycle’s extender has it; what is written everyone may read'),
  ),
  group: orVariable('CNB_GROUP_PATH', text('group.toml, which lists the extensions; default <layers>/group.toml')),
  layers: orVariable('CNB_LAYERS_DIR', text('Where the lifecycle’s phases leave their files; default /layers')),
  'log-level': orVariable('CNB_LOG_LEVEL', text('How much is told: debug, info, warn or error; default info')),
  plan: orVariable(
    'CNB_PLAN_PATH',
    text('With leg: Polyarch’s plan, its JSON or a file that holds it. Without: plan.toml, from which nothing is read'),
  ),
  platform: orVariable('CNB_PLATFORM_DIR', text('The directory of the platform’s settings; default /platform')),
  uid: orVariable(
    'CNB_USER_ID',
    number('Accepted as the lifecycle’s extender has it; what is written everyone may read'),
  ),
  'platform-api': orVariable('CNB_PLATFORM_API', text('The platform API, 0.7 to 0.15')),
  'extend-cache-ttl': text('How long a layer of cache-repo is good for, as in 336h (kaniko only)'),
  'kaniko-cache-ttl': orVariable('CNB_KANIKO_CACHE_TTL', text('Deprecated: extend-cache-ttl')),
}

/** What attests to an image that is taken apart again would hold for nothing. */
const { provenance: _provenance, sbom: _sbom, ...applyingInputs } = buildkitInputs

export const Inputs = z.object({
  ...lifecycleInputs,
  leg: text('The leg of the plan to extend, for example web.linux-amd64'),
  engine: choice('What applies the Dockerfiles', ['kaniko', 'buildah', 'buildkit', 'auto'], 'auto'),
  output: choice(
    'What becomes of the image: extended (what the exporter reads), image (pushed by digest, and analyzed.toml names it), layout (an OCI image layout of the whole image); auto is layout with a leg, image for build images, else extended',
    outputKinds,
    'auto',
  ),
  repository: text('Where output image goes: HOST/NAME or oci:DIR'),
  layout: text('Where output layout goes; default .polyarch/layouts/<leg, or kind>'),
  'image-layout': text('An OCI image layout that holds the image to extend, instead of where its reference leads'),
  'cache-repo': buildInputs['cache-repo'],
  allow: buildInputs.allow,
  timeout: buildInputs.timeout,
  'engine-args': buildInputs['engine-args'],
  ...engineInputs,
  ...kanikoInputs,
  ...buildahInputs,
  ...applyingInputs,
  ...storeInputs,
  'insecure-registries': orVariable('CNB_INSECURE_REGISTRIES', storeInputs['insecure-registries']),
})
export type Inputs = z.output<typeof Inputs>
