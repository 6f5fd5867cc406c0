// Where commands of an extension see the app, the layers and the platform.
import { join } from 'node:path'
import { temporaryDirectory } from '@polyarch/parts'
import { expect, test } from 'vitest'
import { findMounts, planMounts } from './extension-request.ts'
import { writeFiles } from './testing/lifecycle-scene.ts'

const paths = { analyzed: '', generated: '', group: '', app: '/workspace', layers: '/layers', platform: '/platform' }
const linesOf = (mounts: ReturnType<typeof planMounts>) =>
  mounts.map(({ directory, path }) => `${directory} at ${path}`)

test('they are seen at their usual paths once', () => {
  expect(linesOf(planMounts(paths))).toEqual([
    '/layers at /layers',
    '/platform at /platform',
    '/workspace at /workspace',
  ])
})

test('and at their own, where those are others', () => {
  expect(linesOf(planMounts({ ...paths, app: '/builds/app', layers: '/builds/app/cnb' }))).toEqual([
    '/builds/app/cnb at /layers',
    '/platform at /platform',
    '/builds/app at /workspace',
    '/builds/app at /builds/app',
    '/builds/app/cnb at /builds/app/cnb',
  ])
})

test('only at the usual ones, where their own cannot be mounted', () => {
  expect(linesOf(planMounts({ ...paths, app: '/my app', platform: '/etc/platform' }))).toEqual([
    '/layers at /layers',
    '/etc/platform at /platform',
    '/my app at /workspace',
  ])
})

test('those that are there are mounted, and elsewhere than at their own path only where there is another root', async () => {
  await using directory = await temporaryDirectory()
  await writeFiles(directory.path, { 'app/x': '', file: '' })
  const app = join(directory.path, 'app')
  const planned = planMounts({
    ...paths,
    app,
    layers: join(directory.path, 'absent'),
    platform: join(directory.path, 'file'),
  })
  expect(linesOf(await findMounts(planned, false))).toEqual([`${app} at /workspace`, `${app} at ${app}`])
  expect(linesOf(await findMounts(planned, true))).toEqual([`${app} at ${app}`])
})
