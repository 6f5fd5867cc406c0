// What the examples need of docker, on a machine without one: `docker run` in a jail, on the layers of a real image.
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type JailMount, runInJail } from './jail.ts'
import { environmentOf, pullImage, unpackImage } from './pulled-image.ts'

/** `SOURCE:TARGET` or `SOURCE:TARGET:ro`. */
const readVolume = (text: string): JailMount => {
  const [source = '', target = '', mode] = text.split(':')
  return { source, target, writable: mode !== 'ro' }
}

/** `NAME=VALUE`, or `NAME` for this process's own. */
const readVariable = (text: string): [string, string] => {
  const equals = text.indexOf('=')
  return equals === -1 ? [text, process.env[text] ?? ''] : [text.slice(0, equals), text.slice(equals + 1)]
}

const run = async (args: readonly string[]): Promise<number> => {
  const list = { type: 'string', multiple: true } as const
  const options = { rm: { type: 'boolean' }, user: { type: 'string' }, volume: list, env: list, tmpfs: list } as const
  // What follows the image is the container's, flags and all.
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true })
  const position = tokens.find(({ kind }) => kind === 'positional')?.index ?? args.length
  const { values } = parseArgs({ args: args.slice(0, position), options })
  const [reference = '', program = '', ...rest] = args.slice(position)
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'polyarch-container-')))
  try {
    const image = await pullImage(reference)
    const root = join(directory, 'root')
    await unpackImage(image, root)
    const [uid = 0, gid = 0] = (values.user ?? '0:0').split(':').map(Number)
    const scratch = await Promise.all(
      (values.tmpfs ?? []).map(async (target) => ({
        source: await mkdtemp(join(directory, 'tmpfs-')),
        target,
        writable: true,
      })),
    )
    const { code, log } = await runInJail({
      root,
      mounts: [...(process.env['ENGINE_VOLUMES']?.split(' ') ?? []), ...(values.volume ?? [])]
        .map(readVolume)
        .concat(scratch),
      command: [program, ...rest],
      user: { uid, gid },
      env: { HOME: '/home/cnb', ...environmentOf(image), ...Object.fromEntries((values.env ?? []).map(readVariable)) },
    })
    process.stdout.write(`${log}\n`)
    return code
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

const [command, ...args] = process.argv.slice(2)
// There is nothing to log in to: the registry of the test asks for nothing.
process.exitCode = command === 'run' ? await run(args) : 0
