// The facts of an executor, asked once per executor and then remembered.
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Failure, hexOf, isDigest } from '@polyarch/oci'
import { z } from 'zod'
import { type EngineFacts, readEngineFacts } from './engine-facts.ts'
import type { Launcher } from './launcher.ts'

const Answers = z.strictObject({ version: z.string(), help: z.string() })
type Answers = z.infer<typeof Answers>

/** Asking needs no registries and no secrets: only what the executor's runtime wants. */
const env = { USER: 'root', HOME: '/root', PATH: '/usr/bin:/bin' }

const ask = async (launcher: Launcher, argument: string): Promise<string> => {
  const { code, stdout, stderr } = await launcher.run({ args: [argument], env, quietEnv: {} })
  if (code === 0) return `${stdout}\n${stderr}`
  const last = stderr.trim().split('\n').at(-1)
  throw new Failure('build', `the executor does not answer to "${argument}": exit ${code}${last ? `, ${last}` : ''}`)
}

const readAnswers = async (file: string): Promise<Answers | undefined> => {
  try {
    return Answers.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch (error) {
    const isUnusable = error instanceof SyntaxError || error instanceof z.ZodError
    if (isUnusable || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** What the launcher's executor says of itself; it is only ever asked through the launcher. */
export const askEngine = async (launcher: Launcher, cache: string): Promise<EngineFacts> => {
  const { executorId } = launcher
  const file = isDigest(executorId) ? join(cache, 'facts', `${hexOf(executorId)}.json`) : undefined
  const known = file === undefined ? undefined : await readAnswers(file)
  if (known) return readEngineFacts(known.version, known.help)
  const answers: Answers = { version: await ask(launcher, 'version'), help: await ask(launcher, '--help') }
  if (file !== undefined) {
    await mkdir(dirname(file), { recursive: true })
    await writeFile(`${file}.${process.pid}`, JSON.stringify(answers))
    await rename(`${file}.${process.pid}`, file)
  }
  return readEngineFacts(answers.version, answers.help)
}
