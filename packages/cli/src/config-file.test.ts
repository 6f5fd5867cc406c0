// polyarch init and migrate on workspaces with and without a config.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openHost, parseInputs } from '@polyarch/ci-host'
import { step as detectArch } from '@polyarch/detect-arch'
import { temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { step as init } from './init.ts'

describe('polyarch init', () => {
  test('writes a config that can be planned at once', async () => {
    await using workspace = await temporaryDirectory()
    await writeFile(join(workspace.path, 'Dockerfile'), 'FROM scratch\n')
    const host = openHost({ PATH: process.env['PATH'] }, workspace.path)
    const { config, images } = await init.run(parseInputs(init, {}), host)
    expect(config).toBe('polyarch.yaml')
    expect(await readFile(join(workspace.path, config), 'utf8')).toMatch(/^# yaml-language-server: \$schema=/)
    const { plan } = await detectArch.run(parseInputs(detectArch, {}), host)
    expect(plan).toMatchObject({ images: images.map((id) => ({ id })) })
  })

  test('replaces a config only when it is told to', async () => {
    await using workspace = await temporaryDirectory()
    await writeFile(join(workspace.path, 'Dockerfile'), 'FROM scratch\n')
    await writeFile(join(workspace.path, 'polyarch.yaml'), 'mine')
    const host = openHost({ PATH: process.env['PATH'] }, workspace.path)
    await expect(init.run(parseInputs(init, {}), host)).rejects.toThrow('there is a polyarch.yaml already')
    expect(await readFile(join(workspace.path, 'polyarch.yaml'), 'utf8')).toBe('mine')
    await init.run(parseInputs(init, { force: 'true' }), host)
    expect(await readFile(join(workspace.path, 'polyarch.yaml'), 'utf8')).toContain('images:')
  })
})
