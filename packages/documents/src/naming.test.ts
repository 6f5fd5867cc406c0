// Names that two steps have to agree on.
import { describe, expect, test } from 'vitest'
import { imageIdField } from './fields.ts'
import { handoffName, imageIdOf, legIdOf } from './naming.ts'

describe('imageIdOf', () => {
  test.each([
    ['localhost:5000/web', 'web'],
    ['ghcr.io/acme/tools/web-ui', 'web-ui'],
    ['ghcr.io/acme/a__b', 'a-b'],
    ['oci:out/My Images', 'my-images'],
    ['oci:/', 'image'],
    ['oci:.polyarch/images/web.v2', 'web.v2'],
  ])('%s is known as %s', (store, id) => {
    expect(imageIdOf(store)).toBe(id)
    expect(imageIdField.safeParse(id).success).toBe(true)
  })
})

test('a leg is named after image and normalised platform', () => {
  expect(legIdOf('web', 'linux/arm/v7')).toBe('web.linux-arm-v7')
  expect(legIdOf('web', 'linux/arm64')).toBe('web.linux-arm64')
})

describe('handoffName', () => {
  test('names plan and leg', () => {
    expect(handoffName('3f9c0a1b2c3d', 'ghcr.io/acme/web', 'web.linux-amd64')).toBe(
      'polyarch-3f9c0a1b2c3d-web.linux-amd64',
    )
  })

  test('without a plan, images of the same name in other repositories get other names', () => {
    const names = ['ghcr.io/acme/web', 'ghcr.io/other/web'].map((repository) =>
      handoffName(null, repository, 'web.linux-amd64'),
    )
    expect(new Set(names).size).toBe(2)
    for (const name of names) expect(name).toMatch(/^polyarch-[0-9a-f]{12}-web\.linux-amd64$/)
  })
})
