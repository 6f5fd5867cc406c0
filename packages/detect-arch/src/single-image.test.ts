// An image from inputs alone, docker/metadata-action’s among them.
import { describe, expect, test } from 'vitest'
import { readSingleImage, readTags, type SingleImageInputs } from './single-image.ts'

const none: SingleImageInputs = { 'build-args': {}, tags: [], labels: {}, annotations: {} }
const read = (inputs: Partial<SingleImageInputs>) => readSingleImage({ ...none, ...inputs }, '/work/shop')

describe('a single image', () => {
  test.each<[string, Partial<SingleImageInputs>, string, readonly string[] | null]>([
    ['its id', { image: 'web' }, 'web', null],
    ['its repository', { image: 'ghcr.io/acme/web' }, 'web', ['ghcr.io/acme/web']],
    ['its context', { context: 'services/Web_App' }, 'web_app', null],
    ['the workspace', { dockerfile: 'Dockerfile' }, 'shop', null],
    [
      'the references of its tags',
      { context: 'x', tags: ['ghcr.io/acme/api:1', 'quay.io/acme/api:1'] },
      'api',
      ['ghcr.io/acme/api', 'quay.io/acme/api'],
    ],
  ])('is called after %s', (_what, inputs, id, repositories) => {
    expect(read(inputs)).toMatchObject({ id, repositories })
  })

  test('takes what docker/metadata-action writes as it is', () => {
    const image = read({
      context: '.',
      tags: [
        'ghcr.io/acme/web:1.2.3',
        'ghcr.io/acme/web:latest',
        'docker.io/acme/web:1.2.3',
        'docker.io/acme/web:latest',
      ],
      labels: { 'org.opencontainers.image.title': 'web' },
      annotations: { 'manifest:org.opencontainers.image.title': 'web', 'index,manifest:a': 'b' },
    })
    expect(image).toMatchObject({
      repositories: ['ghcr.io/acme/web', 'docker.io/acme/web'],
      tags: ['1.2.3', 'latest'],
      annotations: { 'org.opencontainers.image.title': 'web', a: 'b' },
    })
  })

  test.each([
    [['a', 'ghcr.io/x/y:a'], 'not both'],
    [['ghcr.io/x/y:a', 'ghcr.io/x/z:b'], 'would get other tags'],
    [['ghcr.io/x/y'], 'neither a tag'],
    [['{{vresion}}'], 'did you mean "version"?'],
  ])('refuses tags %j', (tags, message) => {
    expect(() => readTags(tags)).toThrow(message)
  })

  test.each(['Web', 'we b', '../web'])('refuses to be called %s', (image) => {
    expect(() => read({ image })).toThrow()
  })
})
