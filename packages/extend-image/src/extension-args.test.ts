// The arguments of an extension, and the user that they are made from.
import { expect, test } from 'vitest'
import { isRoot, planArgs, userOf } from './extension-args.ts'

const config = (User?: string) => ({
  os: 'linux',
  architecture: 'amd64',
  config: User === undefined ? {} : { User },
  rootfs: { type: 'layers', diff_ids: [] },
})

test.each([
  [undefined, '', '', false],
  ['', '', '', false],
  ['1000', '1000', '', false],
  ['1000:1001', '1000', '1001', false],
  ['cnb:cnb', 'cnb', 'cnb', false],
  ['0:5678', '0', '5678', true],
  ['root', 'root', '', true],
  ['root:root', 'root', 'root', true],
  [':5', '', '5', false],
  ['1:2:3', '1', '2', false],
])('a user %j is %j of group %j', (written, user, group, root) => {
  expect(userOf(config(written))).toEqual({ user, group })
  expect(isRoot(userOf(config(written)))).toBe(root)
})

test('the lifecycle’s come first, the extension’s next, and the base image last', () => {
  const own = [
    { name: 'tool', value: 'curl' },
    { name: 'base_image', value: 'evil' },
  ]
  expect(
    planArgs('id', { user: 'cnb', group: '' }, own, 'host/base@sha256:x').map(({ name, value }) => `${name}=${value}`),
  ).toEqual([
    'build_id=id',
    'user_id=cnb',
    'group_id=',
    'tool=curl',
    'base_image=evil',
    'base_image=host/base@sha256:x',
  ])
})
