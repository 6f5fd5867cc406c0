// The summary of an extension.
import { expect, test } from 'vitest'
import type { Outputs } from './outputs.ts'
import { report } from './report.ts'

const outputs: Outputs = {
  layout: '/layers/extended/run/sha256:aa',
  reference: '',
  digest: 'sha256:aa',
  'media-type': 'application/vnd.oci.image.manifest.v1+json',
  size: 1,
  platform: 'linux/amd64',
  'engine-version': '1.28.2',
  'engine-seconds': 1.5,
  'peak-memory': null,
  engine: 'buildah',
  kind: 'run',
  extensions: ['acme/tools', 'user'],
}

test('names the image, what extended it and where it is', () => {
  expect(report(outputs)).toBe(`**run image for linux/amd64** extended with buildah 1.28.2

| extensions | manifest | where |
|---|---|---|
| acme/tools, user | \`sha256:aa\` | /layers/extended/run/sha256:aa |
`)
  const none = report({ ...outputs, 'engine-version': '', extensions: [], reference: 'ghcr.io/acme/run@sha256:aa' })
  expect(none).toContain('**run image for linux/amd64** extended\n')
  expect(none).toContain('| nothing to apply | `sha256:aa` | ghcr.io/acme/run@sha256:aa |')
})
