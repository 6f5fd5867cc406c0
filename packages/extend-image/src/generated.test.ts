// What extensions generated, in both layouts of the directory: cases of the lifecycle's phase/extender_test.go.
import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { generatedPaths, readGenerated } from './generated.ts'
import { writeFiles } from './testing/lifecycle-scene.ts'

const dockerfile = `ARG base_image\nFROM \${base_image}\nRUN true\n`
const args = (kind: string, id: string): string => `[[${kind}.args]]\nname = "arg${id}"\nvalue = "value${id}"\n`
const extension = (id: string) => ({ id, version: '1', api: '0.10' })
const [old, now] = [
  { major: 0, minor: 12 },
  { major: 0, minor: 13 },
]

const open = async (files: Readonly<Record<string, string>>) => {
  const directory = await temporaryDirectory()
  await writeFiles(directory.path, { 'app/source': '', 'generated/.keep': '', ...files })
  const read = async (api: typeof old, kind: 'build' | 'run', ...ids: string[]) => {
    const found = await readGenerated(
      { api, kind, generated: join(directory.path, 'generated'), app: join(directory.path, 'app') },
      ids.map(extension),
    )
    return found.map(({ extension: id, path, args: own, context }) => ({
      id,
      path: path.slice(directory.path.length + 1),
      args: own.map(({ name, value }) => `${name}=${value}`),
      context: context.slice(directory.path.length + 1),
    }))
  }
  return { path: directory.path, read, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() }
}

describe.each(['build', 'run'] as const)('a %s image', (kind) => {
  test('before platform API 0.13 has directories of its own, and the app as context', async () => {
    await using scene = await open({
      [`generated/${kind}/A/Dockerfile`]: dockerfile,
      [`generated/${kind}/A/extend-config.toml`]: args(kind, 'A'),
      [`generated/${kind}/A/context/x`]: '',
      [`generated/${kind}/acme_b/Dockerfile`]: dockerfile,
      [`generated/acme_b/${kind}.Dockerfile`]: dockerfile,
    })
    expect(await scene.read(old, kind, 'acme/b', 'A', 'without')).toEqual([
      { id: 'acme/b', path: `generated/${kind}/acme_b/Dockerfile`, args: [], context: 'app' },
      { id: 'A', path: `generated/${kind}/A/Dockerfile`, args: ['argA=valueA'], context: 'app' },
    ])
  })

  test('since platform API 0.13 shares a directory with the other kind, with contexts', async () => {
    await using scene = await open({
      [`generated/A/${kind}.Dockerfile`]: dockerfile,
      'generated/A/extend-config.toml': args(kind, 'A'),
      [`generated/A/context.${kind}/x`]: '',
      [`generated/B/${kind}.Dockerfile`]: dockerfile,
      'generated/B/context/x': '',
      [`generated/C/${kind}.Dockerfile`]: dockerfile,
      'generated/C/extend-config.toml': args(kind === 'run' ? 'build' : 'run', 'C'),
      [`generated/C/context.${kind === 'run' ? 'build' : 'run'}/x`]: '',
    })
    expect(await scene.read(now, kind, 'A', 'B', 'C')).toEqual([
      {
        id: 'A',
        path: `generated/A/${kind}.Dockerfile`,
        args: ['argA=valueA'],
        context: `generated/A/context.${kind}`,
      },
      { id: 'B', path: `generated/B/${kind}.Dockerfile`, args: [], context: 'generated/B/context' },
      { id: 'C', path: `generated/C/${kind}.Dockerfile`, args: [], context: 'app' },
    ])
  })
})

test('a Dockerfile that a later extension made void is left out', async () => {
  await using scene = await open({
    'generated/A/run.Dockerfile.ignore': dockerfile,
    'generated/run/A/Dockerfile.ignore': dockerfile,
    'generated/A/build.Dockerfile': dockerfile,
  })
  expect(await scene.read(now, 'run', 'A')).toEqual([])
  expect(await scene.read(old, 'run', 'A')).toEqual([])
})

test('a context for one kind next to one for both is refused, as when it is generated', async () => {
  await using scene = await open({
    'generated/A/run.Dockerfile': dockerfile,
    'generated/A/context/x': '',
    'generated/A/context.build/x': '',
  })
  await expect(scene.read(now, 'run', 'A')).rejects.toMatchObject({
    exitCode: 92,
    message: expect.stringContaining('image-specific context dir is provided together with a shared context'),
  })
})

test('a Dockerfile that breaks a rule is named', async () => {
  await using scene = await open({ 'generated/A/run.Dockerfile': `${dockerfile}FROM x\n` })
  await expect(scene.read(now, 'run', 'A')).rejects.toMatchObject({
    exitCode: 92,
    message: `run.Dockerfile is not permitted to use multistage build (${scene.path}/generated/A/run.Dockerfile)`,
  })
})

test('nothing outside of the directory is read', async () => {
  await using scene = await open({ secret: dockerfile, 'outside/x': '', 'generated/B/run.Dockerfile': dockerfile })
  await mkdir(join(scene.path, 'generated/A'))
  await symlink(join(scene.path, 'secret'), join(scene.path, 'generated/A/run.Dockerfile'))
  await symlink(join(scene.path, 'outside'), join(scene.path, 'generated/B/context'))
  for (const id of ['A', 'B'])
    await expect(scene.read(now, 'run', id)).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(/ leads to .*\/(?:secret|outside), out of .*\/generated$/),
    })
})

test('an id with slashes is one directory', () => {
  const source = { api: now, kind: 'run', generated: '/g' } as const
  expect(generatedPaths(source, 'a/b/../c').dockerfile).toBe('/g/a_b_.._c/run.Dockerfile')
  expect(generatedPaths({ ...source, api: old }, 'a/b').dockerfile).toBe('/g/run/a_b/Dockerfile')
})
