// Any engine's build step on this machine's real engines: kaniko in the jail, buildah, a buildkitd of its own.
import { writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { step as buildah } from '@polyarch/buildah-build'
import { step as buildkit } from '@polyarch/buildkit-build'
import { openHost, parseInputs, type RawInputs } from '@polyarch/ci-host'
import type { EngineName } from '@polyarch/dockerfile'
import type { BuildOutputs } from '@polyarch/engine'
import { step as kaniko } from '@polyarch/kaniko-build'
import { partPath } from '@polyarch/parts'

/** PATH with the engine's programs: BuildKit's lie side by side, where only tests look for them. */
export const pathFor = (engine: EngineName): string =>
  [...(engine === 'buildkit' ? [dirname(partPath('buildkit'))] : []), process.env['PATH']].join(delimiter)

/** Runs the engine's step in the workspace. */
export const buildWith = (engine: EngineName, raw: RawInputs, workspace: string): Promise<BuildOutputs> => {
  const host = openHost({ PATH: pathFor(engine), HOME: join(workspace, '.home') }, workspace)
  switch (engine) {
    case 'buildkit':
      return buildkit.run(parseInputs(buildkit, raw), host)
    case 'buildah':
      return buildah.run(parseInputs(buildah, raw), host)
    case 'kaniko':
      return kaniko.run(parseInputs(kaniko, { ...raw, executor: partPath('kaniko-1.25.15'), launcher: 'jail' }), host)
  }
}

/** Builds in a workspace what a Dockerfile says that is written there; the layout goes to `out`. */
export const buildDockerfileWith =
  (engine: EngineName) =>
  async (workspace: string, dockerfile: string, raw: RawInputs = {}): Promise<BuildOutputs> => {
    await writeFile(join(workspace, 'Dockerfile'), dockerfile)
    return await buildWith(engine, { layout: 'out', ...raw }, workspace)
  }
