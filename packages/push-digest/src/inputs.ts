// The inputs of push-digest.
import { choice, list, number, text } from '@polyarch/ci-host'
import { storeInputs } from '@polyarch/stores'
import { z } from 'zod'

export const Inputs = z.object({
  layout: text('The OCI image layout to push: a directory with one image', { required: true }),
  plan: text('The plan as detect-arch gives it: its JSON, its file or its artifact'),
  leg: text('The leg of the plan that the layout is of'),
  repository: list('Without a plan: where to push; the first is pushed to, the others get the same digests'),
  platform: text('Without a plan: the platform that the image must have'),
  engine: text('The engine that built the layout, as name@version, for the record'),
  record: text('Where to write the digest record; default: .polyarch/records/<leg>.json'),
  'mount-from': list('Repositories of the same registry that may have the layers already: mounted instead of uploaded'),
  anchor: text(
    'For registries that remove untagged images (Quay): a tag for each image until the merge, as in polyarch-{leg}-{digest}',
  ),
  concurrency: number('The most blobs under way at once', { default: 64 }),
  handoff: choice(
    'How the record goes to later jobs: none (the file is passed on by the pipeline) or artifact (GitHub)',
    ['none', 'artifact'],
    'none',
  ),
  ...storeInputs,
})
export type Inputs = z.output<typeof Inputs>
