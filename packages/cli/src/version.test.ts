// The version in code is the one that is published.
import { expect, test } from 'vitest'
import packageFile from '../package.json' with { type: 'json' }
import { version } from './version.ts'

test('polyarch --version prints the version of its package', () => {
  expect(version).toBe(packageFile.version)
})
