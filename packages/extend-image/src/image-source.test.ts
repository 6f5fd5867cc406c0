// Where the image to extend is, from what analyzed.toml says.
import { expect, test } from 'vitest'
import { hasWholeHistory, parseImageReference } from './image-source.ts'

const digest = `sha256:${'a'.repeat(64)}` as const
const at = (host: string, name: string) => ({ store: { kind: 'registry', repository: { host, name } }, digest })

test.each([
  [`registry.example:5000/a/run@${digest}`, at('registry.example:5000', 'a/run')],
  [`registry.example/run:tag@${digest}`, at('registry.example', 'run')],
  [`index.docker.io/library/run@${digest}`, at('docker.io', 'library/run')],
  [`run@${digest}`, at('docker.io', 'library/run')],
  [`oci:images/run@${digest}`, { store: { kind: 'layout', directory: 'images/run' }, digest }],
  [
    `/layout-repo/index.docker.io/library/run/latest@${digest}`,
    { store: { kind: 'layout', directory: '/layout-repo/index.docker.io/library/run/latest' }, digest },
  ],
])('%s', (reference, location) => {
  expect(parseImageReference(reference)).toEqual(location)
})

test.each([
  [
    '',
    "failed to get digest for reference '': a digest must contain exactly one '@' separator (e.g. registry/repository@digest) saw: ",
  ],
  [
    'registry.example/run:latest',
    "failed to get digest for reference 'registry.example/run:latest': a digest must contain exactly one '@' separator (e.g. registry/repository@digest) saw: registry.example/run:latest",
  ],
  [
    'registry.example/run@sha256:1',
    `failed to get digest for reference 'registry.example/run@sha256:1': "sha256:1" is not a digest`,
  ],
])('"%s" names no image', (reference, message) => {
  expect(() => parseImageReference(reference)).toThrow(expect.objectContaining({ message, exitCode: 102 }))
})

test('a history is whole where it has an entry for each layer', () => {
  const config = (history: unknown) => ({
    os: 'linux',
    architecture: 'amd64',
    rootfs: { type: 'layers', diff_ids: [digest] },
    history,
  })
  expect(
    [[{ created_by: 'x' }], undefined, [], [{ created_by: 'x' }, { created_by: 'y' }]].map((history) =>
      hasWholeHistory(config(history)),
    ),
  ).toEqual([true, false, false, false])
})
