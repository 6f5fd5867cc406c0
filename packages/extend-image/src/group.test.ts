// group.toml: the extensions that apply, in their order.
import { expect, test } from 'vitest'
import { escapeId, parseGroup } from './group.ts'

const group = (...ids: string[]): string =>
  ids.map((id) => `[[group-extensions]]\nid = ${JSON.stringify(id)}\nversion = "1.2"\napi = "0.10"\n`).join('')

test('extensions keep their order, and buildpacks are none', () => {
  const text = `[[group]]\nid = "bp"\nversion = "1"\napi = "9.9"\n${group('b/two', 'a/one', 'b/two')}`
  expect(parseGroup(text, 'group.toml').map(({ id, version }) => `${id}@${version}`)).toEqual([
    'b/two@1.2',
    'a/one@1.2',
    'b/two@1.2',
  ])
  expect(parseGroup('', 'group.toml')).toEqual([])
})

test('an id becomes one directory', () => {
  expect(escapeId('acme/tools/curl')).toBe('acme_tools_curl')
})

test.each(['..', '.', '', 'a\0b'])('an id %j is no directory', (id) => {
  expect(() => parseGroup(group(id), 'group.toml')).toThrow(expect.objectContaining({ exitCode: 1 }))
})

test.each([
  ['[[group-extensions]]\nid = 1\n', /group\.toml: group-extensions\.0\.id: /],
  ['group-extensions = [', /group\.toml:1:/],
])('%j is refused', (text, message) => {
  expect(() => parseGroup(text, 'group.toml')).toThrow(
    expect.objectContaining({
      exitCode: 1,
      message: expect.stringMatching(
        new RegExp(
          `^failed to initialize extender: reading group: failed to read group file: .*${message.source}`,
          's',
        ),
      ),
    }),
  )
})
