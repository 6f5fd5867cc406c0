// The inputs of merge-manifest.
import { boolean, choice, lines, list, map, text } from '@polyarch/ci-host'
import { storeInputs } from '@polyarch/stores'
import { z } from 'zod'

export const Inputs = z.object({
  plan: text('The plan as detect-arch gives it: its JSON, its file or its artifact'),
  image: text('The image of the plan to merge; default: the only one there is'),
  repository: list(
    'Without a plan: where the image is; the first is the one that the records name, the others get the same digests',
  ),
  platforms: list('Without a plan: exactly the platforms that the index has, in this order'),
  tags: list('Without a plan: the tags to move, in this order'),
  annotations: map('Without a plan: annotations of the index, lines of key=value'),
  records: lines('Digest records: directories, files, globs, or JSON; default: .polyarch/records'),
  sources: lines('Platforms that were built elsewhere, lines of platform=HOST/NAME@DIGEST'),
  'on-missing': choice('When a platform has no record: fail, or allow an index without it', ['fail', 'allow'], 'fail'),
  'required-platforms': list('With on-missing allow: platforms that must be there all the same'),
  overwrite: list(
    'What may happen to a tag that exists: allow, same (only if it has this digest already), never; for some tags: v*=same',
    { default: 'allow' },
  ),
  'media-type': choice(
    'The type of the index: auto (docker where all images are and nothing needs OCI), oci, docker',
    ['auto', 'oci', 'docker'],
    'auto',
  ),
  attestations: choice('Attestation manifests (provenance, SBOM): keep or drop', ['keep', 'drop'], 'keep'),
  result: text('Where to write the merge result; default: .polyarch/merge/<image>.json'),
  'dry-run': boolean('Shows what would happen and writes nothing', false),
  handoff: choice(
    'How records come from other jobs: none (they are files here) or artifact (GitHub); the result goes on the same way',
    ['none', 'artifact'],
    'none',
  ),
  ...storeInputs,
})
export type Inputs = z.output<typeof Inputs>
