// The inputs of detect-arch.
import { choice, lines, list, map, text } from '@polyarch/ci-host'
import { engineNames } from '@polyarch/dockerfile'
import { kanikoInputs } from '@polyarch/kaniko'
import { storeInputs } from '@polyarch/stores'
import { z } from 'zod'

export const Inputs = z.object({
  config: text('The file that says which images there are; default: polyarch.yaml, where it exists'),
  images: list('Plans only these images'),
  platforms: list('Platforms for every image, or auto: those that all base images have in common'),
  runners: lines(
    'Lines of platform=runner, the longest beginning of the platform wins (linux=…); or one runner for everything',
  ),
  emulate: choice(
    'Platforms without a native runner: auto (fine where nothing of them has to run), allow (with QEMU too), never',
    ['auto', 'allow', 'never'],
    'auto',
  ),
  engine: choice(
    'The engine for every image; auto: what the config says, else the first of engines that builds it right',
    ['auto', ...engineNames],
    'auto',
  ),
  engines: list(
    'The engines that auto chooses from, the best first; default: what the config says, else kaniko, buildah, buildkit',
  ),
  'kaniko-image': kanikoInputs['kaniko-image'],
  executor: kanikoInputs.executor,
  'changed-since': text('Plans only what changed since this git ref; auto: since the base that the forge names'),
  schedule: text('A file that lists the images for a scheduled run, one per line'),
  registry: text('Where every repository lives: images go to <registry>/<image id>'),
  image: text('One image without a polyarch.yaml: its id, or its repository such as ghcr.io/acme/web'),
  context: text('The build context of that image'),
  dockerfile: text('Its Dockerfile, relative to the context'),
  target: text('The stage of it to build'),
  'build-args': map('Build arguments, lines of key=value'),
  tags: list('Its tags, or whole references as docker/metadata-action gives them'),
  labels: map('Its labels, lines of key=value'),
  annotations: map('Its annotations, lines of key=value'),
  output: text('A file to write the plan to'),
  handoff: choice(
    'How the plan and what it fetched go to later jobs: none (by outputs and files) or artifact (GitHub), which any plan fits into',
    ['none', 'artifact'],
    'none',
  ),
  ...storeInputs,
})
export type Inputs = z.output<typeof Inputs>
