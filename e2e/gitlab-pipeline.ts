// Runs a pipeline under gitlab-ci-local, as a shell runner of GitLab would.
import { partPath } from '@polyarch/parts'
import { type CommandEnd, nodeDirectory, runCommand } from './command.ts'
import type { ReleasedTree } from './released-tree.ts'

/** Lets git find the released components where the catalog's project would be. */
const catalogAt = (directory: string): Record<string, string> => {
  const settings = [
    // gitlab-ci-local asks for the tags with the port, and clones without it.
    [`url.file://${directory}.insteadOf`, 'https://gitlab.com/polyarch/polyarch.git'],
    [`url.file://${directory}.insteadOf`, 'https://gitlab.com:443/polyarch/polyarch.git'],
    ['uploadpack.allowFilter', 'true'],
  ]
  const variables = settings.flatMap(([key = '', value = ''], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ])
  return { ...Object.fromEntries(variables), GIT_CONFIG_COUNT: String(settings.length) }
}

export interface PipelineRun {
  /** The project's directory. */
  readonly directory: string
  readonly released: ReleasedTree
  /** Variables of the project. */
  readonly variables: Readonly<Record<string, string>>
  /** Directories of programs that jobs find first. */
  readonly commands?: readonly string[]
}

/** Runs the pipeline to its end. */
export const runPipeline = ({ directory, released, variables, commands = [] }: PipelineRun): Promise<CommandEnd> =>
  runCommand(
    [
      partPath('gitlab-ci-local'),
      '--force-shell-executor',
      // Each job in a directory of its own, so that only artifacts go from one to the other.
      '--shell-isolation',
      // gitlab-ci-local says that it is not GitLab; to a step it has to be.
      ...Object.entries({ GITLAB_CI: 'true', ...variables }).flatMap(([name, value]) => [
        '--variable',
        `${name}=${value}`,
      ]),
    ],
    {
      directory,
      env: {
        ...catalogAt(released.path),
        HOME: directory,
        PATH: [...commands, released.commands, nodeDirectory, process.env['PATH']].join(':'),
      },
    },
  )
