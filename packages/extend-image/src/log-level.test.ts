// How much is told at each level of the lifecycle's log-level.
import { expect, test } from 'vitest'
import { limitLog } from './log-level.ts'
import type { logLevels } from './plan.ts'

const tellAll = async (level: (typeof logLevels)[number]): Promise<string[]> => {
  const told: string[] = []
  const tell = (name: string) => (message: string) => void told.push(`${name} ${message}`)
  const log = limitLog(
    {
      debug: () => undefined,
      info: tell('info'),
      warning: tell('warning'),
      error: tell('error'),
      group: async (title, work) => {
        told.push(`group ${title}`)
        return await work()
      },
    },
    level,
  )
  log.debug('a')
  log.info('b')
  log.warning('c')
  log.error('d')
  await log.group('e', () => Promise.resolve(log.info('f')))
  return told
}

test.each([
  ['debug', ['info a', 'info b', 'warning c', 'error d', 'group e', 'info f']],
  ['info', ['info b', 'warning c', 'error d', 'group e', 'info f']],
  ['warn', ['warning c', 'error d']],
  ['error', ['error d']],
] as const)('%s', async (level, told) => {
  expect(await tellAll(level)).toEqual(told)
})
