// Opens the host that this process runs on.
import { realpathSync } from 'node:fs'
import { cancellationSignal } from './cancellation.ts'
import { forgeSecrets } from './child-environment.ts'
import { createExec } from './exec.ts'
import type { Forge, ForgeSettings } from './forge.ts'
import { openGithub } from './github.ts'
import { openGitlab } from './gitlab.ts'
import type { Host } from './host.ts'
import { createMasks } from './masks.ts'
import { readSourceFacts } from './source-facts.ts'
import { runTasks } from './tasks.ts'
import { openTerminal } from './terminal.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** A host with what only runStep needs of it. */
export interface OpenHost extends Host {
  /** Whether stack traces and debug lines were asked for. */
  readonly debug: boolean
  readonly writeOutputs: Forge['writeOutputs']
}

/** Whether the forge's debug mode is on, or POLYARCH_DEBUG. */
const isDebug = (env: Environment): boolean =>
  env['RUNNER_DEBUG'] === '1' ||
  env['CI_DEBUG_TRACE'] === 'true' ||
  (env['POLYARCH_DEBUG'] !== undefined && !/^(?:|0|false)$/i.test(env['POLYARCH_DEBUG']))

const openForge = (settings: ForgeSettings): Forge => {
  if (settings.env['GITHUB_ACTIONS'] === 'true') return openGithub(settings)
  if (settings.env['GITLAB_CI'] === 'true') return openGitlab(settings)
  return openTerminal(settings)
}

/**
 * Opens the host: GitHub where GITHUB_ACTIONS is true, GitLab where GITLAB_CI is, else a terminal.
 * Takes over SIGINT and SIGTERM of this process.
 */
export const openHost = (
  env: Environment = process.env,
  workspace: string = process.cwd(),
  options: { readonly debug?: boolean } = {},
): OpenHost => {
  const directory = realpathSync(workspace)
  const masks = createMasks()
  const debug = options.debug || isDebug(env)
  const signal = cancellationSignal()
  const settings: ForgeSettings = {
    env,
    directory,
    debug,
    write: (lines) => process.stderr.write(`${masks.apply(lines)}\n`),
  }
  const { maskCommand, logins, ...forge } = openForge(settings)
  const host: OpenHost = {
    ...forge,
    env,
    directory,
    signal,
    debug,
    mask: (secret) => {
      // Written as it is: the runner has to read the secret once, also where a part of it is masked already.
      for (const text of masks.add(secret)) if (maskCommand) process.stderr.write(`${maskCommand(text)}\n`)
    },
    exec: createExec({ env, directory, masks, signal }),
    runTasks: (tasks, limit) =>
      runTasks(tasks, limit, {
        log: forge.log,
        signal,
        live: forge.kind === 'terminal' && process.stderr.isTTY === true && process.stdout.isTTY === true && !env['CI'],
      }),
    sourceFacts: () => readSourceFacts(host),
    forgeLogins: logins,
  }
  for (const secret of forgeSecrets(env)) masks.add(secret)
  return host
}
