// Runs a workflow under act, as a self-hosted runner of GitHub would.
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { partPath, temporaryDirectory } from '@polyarch/parts'
import { startArtifactProxy } from './artifact-proxy.ts'
import { type CommandEnd, nodeDirectory, runCommand } from './command.ts'

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address ? address.port : 0
}

export interface WorkflowRun {
  /** The project's directory. */
  readonly directory: string
  /** Below the directory. */
  readonly workflow: string
  readonly event: 'push' | 'pull_request'
  /** The repository that polyarch/polyarch@v1 stands for. */
  readonly released: string
  /** More repositories in the place of others', as OWNER/NAME@REF=DIRECTORY. */
  readonly repositories?: readonly string[]
  /** Labels of runners, all of which are this machine. */
  readonly runners: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Directories of programs that jobs find first. */
  readonly commands?: readonly string[]
}

/** Runs the workflow to its end. */
export const runWorkflow = async (run: WorkflowRun): Promise<CommandEnd> => {
  await using scratch = await temporaryDirectory('polyarch-act')
  const port = await freePort()
  await using proxy = await startArtifactProxy(port)
  const server = ['path', join(scratch.path, 'artifacts'), 'addr', '127.0.0.1', 'port', String(port)]
  return await runCommand(
    [
      partPath('act'),
      run.event,
      '--workflows',
      run.workflow,
      ...run.runners.flatMap((label) => ['--platform', `${label}=-self-hosted`]),
      ...server.map((word, index) => (index % 2 === 0 ? `--artifact-server-${word}` : word)),
      ...Object.entries(run.env ?? {}).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
      ...[`polyarch/polyarch@v1=${run.released}`, ...(run.repositories ?? [])].flatMap((repository) => [
        '--local-repository',
        repository,
      ]),
      '--action-offline-mode',
    ],
    {
      directory: run.directory,
      env: {
        HOME: scratch.path,
        PATH: [...(run.commands ?? []), nodeDirectory, process.env['PATH']].join(':'),
        XDG_CACHE_HOME: join(scratch.path, 'cache'),
        ACTIONS_RUNTIME_URL: proxy.url,
        ACTIONS_RESULTS_URL: proxy.url,
      },
    },
  )
}
