// Logins in CNB_REGISTRY_AUTH.
import { expect, test } from 'vitest'
import { readLifecycleLogins } from './lifecycle-logins.ts'

const basic = Buffer.from('user:secret').toString('base64')

test('are those of a docker config', () => {
  expect(readLifecycleLogins(JSON.stringify({ 'registry.example': `Basic ${basic}`, other: 'Bearer token' }))).toEqual({
    registryAuth: JSON.stringify({ auths: { 'registry.example': { auth: basic } } }),
    unusable: ['other'],
  })
})

test.each([undefined, '', ' ', '{}'])('are none in %j', (text) => {
  expect(readLifecycleLogins(text)).toEqual({ registryAuth: undefined, unusable: [] })
})

test.each([`Basic ${basic}`, `{"registry.example": {"auth": "${basic}"}}`, `["${basic}"]`])(
  'of another form are refused without a word of them',
  (text) => {
    expect(() => readLifecycleLogins(text)).toThrow(
      expect.objectContaining({
        exitCode: 3,
        message: 'CNB_REGISTRY_AUTH: expected a JSON object like {"registry": "Basic …"}',
      }),
    )
    expect(() => readLifecycleLogins(text)).toThrow(expect.not.objectContaining({ cause: expect.anything() }))
  },
)
