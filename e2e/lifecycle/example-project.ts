// The example of both forges as a user's project, on a machine that has the lifecycle's builder in its registry.
import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { partPath, type RunningRegistry, repositoryRoot, temporaryDirectory } from '@polyarch/parts'
import { commitAll } from '../command.ts'
import { pushBase } from './base-images.ts'
import { createScene } from './build-scene.ts'

export interface ExampleProject extends AsyncDisposable {
  readonly path: string
  /** A directory with a `docker` for PATH. */
  readonly commands: string
}

/** Where everything is in the example, and the registry of the test instead. */
const withRegistry = (text: string, host: string, group: string): string =>
  text
    .replaceAll(/\S+\/acme\/builder:1/g, `${host}/build:latest`)
    .replaceAll(/ghcr\.io\/\$\{\{ github\.repository \}\}|\$CI_REGISTRY_IMAGE\b/g, `${host}/${group}`)
    .replace('platforms: [linux/amd64, linux/arm64]', `registry: ${host}/${group}, platforms: [linux/amd64]`)

/**
 * The example for this machine's platform alone: the phases run natively, on a runner of the platform.
 * @param group where in the registry its images go
 */
export const createExample = async (
  registry: RunningRegistry,
  group: string,
  remote: string,
  change: (file: string, text: string) => string,
): Promise<ExampleProject> => {
  const directory = await temporaryDirectory('polyarch-example')
  const runImage = await pushBase(registry, 'run')
  const scene = await createScene({ platformApi: '0.13', runImage, buildImage: await pushBase(registry, 'build') })
  const path = join(directory.path, 'project')
  await cp(join(repositoryRoot, 'examples/buildpacks'), path, { recursive: true })
  for (const file of ['polyarch.yaml', '.github/workflows/buildpacks.yml', '.gitlab-ci.yml']) {
    const text = withRegistry(await readFile(join(path, file), 'utf8'), registry.host, group)
    await writeFile(join(path, file), change(file, text))
  }
  await writeFile(join(path, '.gitignore'), '.gitlab-ci-local/\n.polyarch/\n.docker/\ncnb/\n')
  await commitAll(path, remote)
  const commands = join(directory.path, 'bin')
  await mkdir(commands)
  const volumes = [`${scene.cnb}:/cnb:ro`, `${dirname(partPath('lifecycle'))}:/lifecycle:ro`].join(' ')
  const engine = join(import.meta.dirname, 'container-engine.ts')
  const node = `${process.execPath} --conditions=@polyarch/source`
  await writeFile(join(commands, 'docker'), `#!/bin/sh\nENGINE_VOLUMES="${volumes}" exec ${node} ${engine} "$@"\n`)
  await chmod(join(commands, 'docker'), 0o755)
  return {
    path,
    commands,
    [Symbol.asyncDispose]: async () => {
      await scene[Symbol.asyncDispose]()
      await directory[Symbol.asyncDispose]()
    },
  }
}
