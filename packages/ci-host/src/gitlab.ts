// GitLab CI: sections that fold, outputs as a dotenv report, the project's registry.
import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { inputFailure } from '@polyarch/oci'
import { formatDotenv } from './dotenv.ts'
import type { Forge, ForgeSettings } from './forge.ts'
import type { Log, Login } from './host.ts'
import { createPlainLog } from './terminal.ts'

const clearLine = '\u001b[0K'

const now = (): number => Math.floor(Date.now() / 1000)

// https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections
const createLog = (settings: ForgeSettings): Log => ({
  ...createPlainLog(settings),
  group: async (title, work) => {
    const section = `polyarch_${randomUUID().replaceAll('-', '')}`
    settings.write(`${clearLine}section_start:${now()}:${section}[collapsed=true]\r${clearLine}${title}`)
    try {
      return await work()
    } finally {
      settings.write(`${clearLine}section_end:${now()}:${section}\r${clearLine}`)
    }
  },
})

const loginOf = (host: string | undefined, username: string | undefined, password: string | undefined): Login[] =>
  host && username && password ? [{ host, username, password }] : []

const noHandoff = (): Promise<never> =>
  Promise.reject(
    inputFailure(
      'GitLab hands files to later jobs by artifacts:paths: leave handoff at "none" and list the files there',
    ),
  )

/** A job of GitLab CI. */
export const openGitlab = (settings: ForgeSettings): Forge => {
  const { env, directory } = settings
  return {
    kind: 'gitlab',
    log: createLog(settings),
    // GitLab does not count attempts: a job that is retried has the pipeline's id again.
    run: env['CI_PIPELINE_ID'] ? { id: env['CI_PIPELINE_ID'], attempt: 1 } : null,
    defaultStore: (imageId) =>
      env['CI_REGISTRY_IMAGE'] ? `${env['CI_REGISTRY_IMAGE']}/${imageId}` : `oci:.polyarch/images/${imageId}`,
    logins: () => [
      ...loginOf(env['CI_REGISTRY'], env['CI_REGISTRY_USER'], env['CI_REGISTRY_PASSWORD']),
      ...loginOf(
        env['CI_DEPENDENCY_PROXY_SERVER'],
        env['CI_DEPENDENCY_PROXY_USER'],
        env['CI_DEPENDENCY_PROXY_PASSWORD'],
      ),
    ],
    summarise: () => Promise.resolve(),
    sendFiles: noHandoff,
    receiveFiles: noHandoff,
    writeOutputs: async (step, outputs) => {
      const report = formatDotenv(step, outputs, '.polyarch')
      const dotenv = env['POLYARCH_DOTENV'] || `.polyarch/${step}.env`
      for (const [path, content] of Object.entries({ ...report.files, [dotenv]: report.text })) {
        const file = resolve(directory, path)
        await mkdir(dirname(file), { recursive: true })
        await writeFile(file, content)
      }
    },
  }
}
