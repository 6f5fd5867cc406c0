// Where tests run as root, they can step down to a user without privileges, wherever the repository lies.
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { asOrdinaryUser } from './ordinary-user.ts'
import { lacks } from './part.ts'
import { temporaryDirectory } from './temporary.ts'

const run = (command: readonly [string, ...string[]], place?: string): string => {
  const [program, ...args] = asOrdinaryUser(command, place)
  return execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' }).trim()
}

describe.skipIf(lacks('root', 'user-namespaces'))('an ordinary user', () => {
  it('is not root and holds no capability', () => {
    expect(run(['id', '-u'])).not.toBe('0')
    expect(run(['grep', 'CapEff', '/proc/self/status'])).toMatch(/^CapEff:\s+0+$/)
  })

  it('enters a place in a directory that is closed to it, and nothing else there', async () => {
    await using home = await temporaryDirectory()
    const place = join(home.path, 'clone')
    await mkdir(place)
    await writeFile(join(place, 'file'), 'content')
    await writeFile(join(home.path, 'secret'), 'secret')
    await chmod(home.path, 0o700)
    expect(run(['cat', join(place, 'file')], place)).toBe('content')
    expect(run(['ls', home.path], place)).toBe('clone')
    expect(() => run(['cat', join(home.path, 'secret')])).toThrow('Permission denied')
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain(home.path)
  })
})
