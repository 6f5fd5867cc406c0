// Layers that were made to exhaust memory are read, or refused, in constant memory.
import { execFile } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGzip } from 'node:zlib'
import { temporaryDirectory } from '@polyarch/parts'
import { expect, test } from 'vitest'

const run = promisify(execFile)

const megabyte = 1024 * 1024

/** The header of a tar entry; type `0` is a file, `x` a pax header, `L` a long name. */
const header = (type: string, size: number): Buffer => {
  const block = Buffer.alloc(512)
  block.write('usr/bin/x')
  block.write('0000644\0', 100)
  block.write('0000000\0', 108)
  block.write('0000000\0', 116)
  block.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  block.write('00000000000\0', 136)
  block.write('        ', 148)
  block.write(type, 156)
  block.write('ustar\u000000', 257)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

/** Reads the layer in a process of its own; what came of it, and by how many bytes the process grew at most. */
const readInChild = async (type: string, megabytes: number): Promise<{ outcome: string; growth: number }> => {
  await using directory = await temporaryDirectory('polyarch-hostile')
  const path = join(directory.path, 'layer')
  const zeros = Buffer.alloc(megabyte)
  const tar = function* (): Generator<Buffer> {
    yield header(type, megabytes * megabyte)
    for (let sent = 0; sent < megabytes; sent += 1) yield zeros
    yield Buffer.alloc(1024)
  }
  await pipeline(Readable.from(tar()), createGzip({ level: 1 }), createWriteStream(path))
  const program = `
    import { createReadStream } from 'node:fs'
    import { readFileSync } from 'node:fs'
    import { readLayer } from ${JSON.stringify(join(import.meta.dirname, 'layer.ts'))}
    const peak = () => Number(/VmHWM:\\s+(\\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024
    const before = process.memoryUsage.rss()
    let outcome = 'read'
    try {
      await readLayer('the layer', createReadStream(${JSON.stringify(path)}), async () => undefined)
    } catch (error) {
      outcome = error.constructor.name + ': ' + error.message
    }
    process.stdout.write(JSON.stringify({ outcome, growth: peak() - before }))`
  const args = ['--conditions=@polyarch/source', '--input-type=module', '--eval', program]
  const { stdout } = await run(process.execPath, args, { cwd: import.meta.dirname, timeout: 50_000 })
  return JSON.parse(stdout) as { outcome: string; growth: number }
}

test('a file that is a thousand times larger unpacked passes through', async () => {
  const { outcome, growth } = await readInChild('0', 1_000)
  expect(outcome).toBe('read')
  expect(growth).toBeLessThan(150_000_000)
})

test.each([
  ['pax header', 'x'],
  ['long name', 'L'],
])('a %s without end is refused', async (_, type) => {
  const { outcome, growth } = await readInChild(type, 1_000)
  expect(outcome).toBe('Failure: the layer is not a layer: Header exceeds max size')
  expect(growth).toBeLessThan(200_000_000)
})
