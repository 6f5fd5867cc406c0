// The way without the lifecycle's extender: extend-image on the machine, and the builder in the image that it extended.
import { join } from 'node:path'
import { partPath, repositoryRoot, temporaryDirectory } from '@polyarch/parts'
import { type CommandEnd, runCommand } from '../command.ts'
import { pathFor } from '../engines/engine-build.ts'
import type { BuildScene } from './build-scene.ts'
import { exportApp } from './lifecycle-extender.ts'
import type { PulledImage } from './pulled-image.ts'

export const engines = ['kaniko', 'buildah', 'buildkit'] as const
export type Engine = (typeof engines)[number]

/** How the engine is found on this machine. */
export const engineFlags = (engine: Engine): string[] => {
  switch (engine) {
    case 'kaniko':
      return ['--executor', partPath('kaniko-1.25.15'), '--launcher', 'jail']
    case 'buildah':
      return []
    case 'buildkit':
      return ['--builder', 'buildkitd']
  }
}

/** The command line, from its sources. */
export const polyarch = [
  process.execPath,
  '--conditions=@polyarch/source',
  join(repositoryRoot, 'packages/cli/src/main.ts'),
] as const

/** Runs extend-image on what the restorer left; with every input named as the lifecycle names it. */
export const extendWithPolyarch = async (
  scene: BuildScene,
  engine: Engine,
  ...args: readonly string[]
): Promise<CommandEnd> => {
  await using workspace = await temporaryDirectory('polyarch-workspace')
  const place = ['--layers', scene.layers, '--app', scene.app]
  return await runCommand(
    [...polyarch, 'extend-image', ...place, '--engine', engine, ...engineFlags(engine), ...args],
    {
      directory: workspace.path,
      env: { ...scene.environment, HOME: workspace.path, ...(engine === 'buildkit' ? { PATH: pathFor(engine) } : {}) },
    },
  )
}

/** Extends both images, the run image for the exporter; builds in the one and exports. @throws when anything fails. */
export const buildWithPolyarch = async (
  scene: BuildScene,
  engine: Engine,
  appImage: string,
  runOutput: 'extended' | 'image' = 'extended',
): Promise<PulledImage> => {
  const host = appImage.slice(0, appImage.indexOf('/'))
  const extend = async (kind: string, ...args: string[]): Promise<{ readonly reference: string }> => {
    const { code, log } = await extendWithPolyarch(scene, engine, '--kind', kind, '--json', ...args)
    if (code !== 0) throw new Error(`extend-image ended with ${code}:\n${log}`)
    return JSON.parse(log.split('\n').at(-1) ?? '') as { readonly reference: string }
  }
  if (runOutput === 'image') await extend('run', '--output', 'image', '--repository', `${host}/extended-run`)
  else await extend('run')
  const { reference } = await extend('build', '--output', 'image', '--repository', `${host}/extended-build`)
  await scene.succeed('builder', reference)
  return await exportApp(scene, reference, appImage)
}
