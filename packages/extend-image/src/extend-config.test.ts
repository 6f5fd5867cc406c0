// extend-config.toml: cases of the lifecycle's internal/extend/config_test.go, and what else may stand in the file.
import { expect, test } from 'vitest'
import { parseExtendConfig } from './extend-config.ts'

const arg = (kind: 'build' | 'run', name: string, value = 'some-value'): string =>
  `[[${kind}.args]]\nname = "${name}" # why\nvalue = "${value}"\n`

test('each kind has arguments of its own, in their order', () => {
  const text = arg('build', 'some-build-arg') + arg('run', 'b') + arg('run', 'a', '') + arg('run', 'b', 'again')
  expect(parseExtendConfig(text, 'build', 'extend-config.toml')).toEqual([
    { name: 'some-build-arg', value: 'some-value' },
  ])
  expect(parseExtendConfig(text, 'run', 'extend-config.toml').map(({ name, value }) => `${name}=${value}`)).toEqual([
    'b=some-value',
    'a=',
    'b=again',
  ])
  expect(parseExtendConfig('', 'run', 'extend-config.toml')).toEqual([])
})

test.each([
  ['build_id', arg('build', 'build_id') + arg('run', 'some-arg')],
  ['user_id', arg('build', 'some-arg') + arg('run', 'user_id')],
  ['group_id', arg('run', 'group_id')],
])('%s is the lifecycle’s alone, for either kind', (name, text) => {
  for (const kind of ['build', 'run'] as const)
    expect(() => parseExtendConfig(text, kind, 'extend-config.toml')).toThrow(
      expect.objectContaining({
        exitCode: 92,
        message: expect.stringContaining(
          `validating extend config: invalid content: arg with name "${name}" is not allowed`,
        ),
      }),
    )
})

test('base_image may stand there, and changes nothing', () => {
  expect(parseExtendConfig(arg('run', 'base_image', 'evil'), 'run', 'extend-config.toml')).toHaveLength(1)
})
