// Raw inputs to values: flags before environment, lists, maps, and every mistake by its input’s name.
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { lines, list, map, number, orVariable, text } from './inputs.ts'
import { parseInputs, readRawInputs, secretsOf, stepInputs } from './step.ts'

const step = {
  inputs: z.object({
    tags: list('Tags'),
    'build-args': map('Arguments'),
    optional: text('A text'),
    layers: orVariable('CNB_LAYERS_DIR', text('A directory', { default: '/layers' })),
    concurrency: number('How many', { default: 4 }),
    'registry-auth': lines('Logins', { secret: true }),
  }),
}

describe('inputs', () => {
  test('split a list at newlines and commas, but a map at newlines only', () => {
    const inputs = parseInputs(step, { tags: ['a, b', 'c\nd\n'], 'build-args': 'FLAGS=-O2,-g\nNAME=a=b\nBARE' })
    expect(inputs.tags).toEqual(['a', 'b', 'c', 'd'])
    expect(inputs['build-args']).toEqual({ FLAGS: '-O2,-g', NAME: 'a=b', BARE: undefined })
  })

  test('that forges pass as an empty text are not given', () => {
    const raw = readRawInputs(step, {}, { INPUT_OPTIONAL: '', INPUT_CONCURRENCY: '', INPUT_TAGS: '' })
    expect(raw).toEqual({})
    expect(parseInputs(step, raw)).toMatchObject({ concurrency: 4, tags: [] })
  })

  test('come from another program’s variable after flags and their own', () => {
    const layersOf = (flags: Parameters<typeof readRawInputs>[1], env: Record<string, string>) =>
      parseInputs(step, readRawInputs(step, flags, { CNB_LAYERS_DIR: 'theirs', ...env })).layers
    expect(layersOf({}, {})).toBe('theirs')
    expect(layersOf({}, { INPUT_LAYERS: 'own' })).toBe('own')
    expect(layersOf({ layers: ['flag'] }, { INPUT_LAYERS: 'own' })).toBe('flag')
    expect(layersOf({}, { CNB_LAYERS_DIR: ' ' })).toBe('/layers')
  })

  test('keep a map key apart from the prototype', () => {
    const args = parseInputs(step, { 'build-args': '__proto__=polluted' })['build-args']
    expect(Object.keys(args)).toEqual(['__proto__'])
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  test('name every input that is wrong', () => {
    expect(() => parseInputs(step, { concurrency: 'many', 'build-args': '=x' })).toThrow(
      /input build-args: .*; input concurrency: expected a whole number, found "many"/,
    )
  })

  test('give their facts in the order of their declaration', () => {
    expect(stepInputs(step).map(([name, { kind }]) => `${name} ${kind}`)).toEqual([
      'tags list',
      'build-args map',
      'optional text',
      'layers text',
      'concurrency number',
      'registry-auth lines',
    ])
  })
})

describe('secrets of the inputs', () => {
  test('are each line, its value, its password and its base64', () => {
    const secrets = secretsOf(step, { 'registry-auth': 'ghcr.io=ada:l0ve\nb=c:d4ta' })
    for (const part of ['ghcr.io=ada:l0ve', 'ada:l0ve', 'l0ve', Buffer.from('ada:l0ve').toString('base64'), 'd4ta'])
      expect(secrets).toContain(part)
  })

  test('are the texts inside a docker config, with the password of each auth', () => {
    const auth = Buffer.from('ada:l0ve').toString('base64')
    const config = JSON.stringify({ auths: { 'ghcr.io': { auth }, other: { identitytoken: 'refresh' } } }, null, 2)
    expect(secretsOf(step, { 'registry-auth': config })).toEqual([auth, 'ada:l0ve', 'l0ve', 'refresh'])
  })

  test('are none where nothing secret was given', () => {
    expect(secretsOf(step, { tags: 'a', optional: 'b' })).toEqual([])
  })
})
