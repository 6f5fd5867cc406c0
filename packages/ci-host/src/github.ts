// GitHub Actions: workflow commands on stderr, output and summary files, artifacts, ghcr.io.
// The runner reads commands from both streams, so they go where the log goes and stdout stays free for --json.
import { type ArtifactSettings, receiveArtifacts, sendArtifact } from './artifacts.ts'
import type { Forge, ForgeSettings } from './forge.ts'
import type { Log, Login, Place } from './host.ts'
import { formatCommand, withoutCommands } from './workflow-command.ts'

const annotation = (place: Place | undefined) => ({ file: place?.file, line: place?.line, col: place?.column })

const createLog = ({ write }: ForgeSettings): Log => ({
  debug: (message) => write(formatCommand('debug', message)),
  info: (message) => write(withoutCommands(message)),
  warning: (message, place) => write(formatCommand('warning', message, annotation(place))),
  error: (message, place) => write(formatCommand('error', message, annotation(place))),
  group: async (title, work) => {
    write(formatCommand('group', title))
    try {
      return await work()
    } finally {
      write(formatCommand('endgroup', ''))
    }
  },
})

/** The registry that belongs to the server: ghcr.io, or that of a GitHub Enterprise with its own host name. */
const registryHost = (serverUrl: string | undefined): string => {
  const host = URL.parse(serverUrl ?? '')?.host ?? 'github.com'
  return host === 'github.com' ? 'ghcr.io' : `containers.${host}`
}

const loginsOf = (env: ForgeSettings['env'], host: string): Login[] => {
  const password = env['INPUT_GITHUB-TOKEN'] || env['INPUT_GITHUB_TOKEN'] || env['GITHUB_TOKEN']
  // GitHub's registries take any user name with a token, but not an empty one.
  return password ? [{ host, username: env['GITHUB_ACTOR'] || 'x-access-token', password }] : []
}

/** A job of GitHub Actions, or of a server that speaks its language. */
export const openGithub = (settings: ForgeSettings): Forge => {
  const { env } = settings
  const host = registryHost(env['GITHUB_SERVER_URL'])
  const log = createLog(settings)
  const attempt = Number(env['GITHUB_RUN_ATTEMPT'] || 1)
  const artifacts: ArtifactSettings = { log, directory: settings.directory, attempt }
  return {
    kind: 'github',
    log,
    run: env['GITHUB_RUN_ID'] ? { id: env['GITHUB_RUN_ID'], attempt } : null,
    maskCommand: (secret) => formatCommand('add-mask', secret),
    defaultStore: (imageId) =>
      env['GITHUB_REPOSITORY']
        ? `${host}/${env['GITHUB_REPOSITORY']}/${imageId}`.toLowerCase()
        : `oci:.polyarch/images/${imageId}`,
    logins: () => loginsOf(env, host),
    summarise: async (markdown) => {
      if (!env['GITHUB_STEP_SUMMARY']) return
      const { summary } = await import('@actions/core')
      await summary.addRaw(markdown, true).write()
    },
    sendFiles: (name, files) => sendArtifact(name, files, artifacts),
    receiveFiles: (names, directory) => receiveArtifacts(names, directory, artifacts),
    writeOutputs: async (_step, outputs) => {
      // Without the file, core would print the outputs as commands that no runner obeys any more.
      if (!env['GITHUB_OUTPUT']) return
      const { setOutput } = await import('@actions/core')
      for (const [name, value] of Object.entries(outputs)) setOutput(name, value)
    },
  }
}
