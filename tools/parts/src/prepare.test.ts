// A part that cannot be had is no error: it is missing, with a reason that says what to do.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { lacks, partPath, reasonMissing } from './part.ts'
import { prepareParts } from './prepare.ts'
import { temporaryDirectory } from './temporary.ts'

const ignore = (): void => {}

describe('preparation', () => {
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  it('says what to install where there is no way to install it', async () => {
    await using cache = await temporaryDirectory()
    vi.stubEnv('POLYARCH_CACHE', cache.path)
    vi.stubEnv('PATH', '')
    await prepareParts(['skopeo', 'busybox-amd64'], ignore)
    expect(reasonMissing('skopeo')).toBe('install it: Debian calls it skopeo')
    expect(reasonMissing('busybox-amd64')).toBe('it comes from a Debian package: needs apt-get')
    expect(() => partPath('skopeo')).toThrow('skopeo is missing: install it: Debian calls it skopeo')
  })

  it('takes the living fork of kaniko from the environment only', async () => {
    await using cache = await temporaryDirectory()
    vi.stubEnv('POLYARCH_CACHE', cache.path)
    vi.stubEnv('POLYARCH_KANIKO_EXECUTOR', '')
    await prepareParts(['kaniko-fork'], ignore)
    expect(lacks('kaniko-fork')).toBe(true)
    vi.stubEnv('POLYARCH_KANIKO_EXECUTOR', '/kaniko/executor')
    await prepareParts(['kaniko-fork'], ignore)
    expect(lacks('kaniko-fork')).toBe(false)
    expect(partPath('kaniko-fork')).toBe('/kaniko/executor')
  })

  it('keeps what an earlier run found out about other parts', async () => {
    await using cache = await temporaryDirectory()
    vi.stubEnv('POLYARCH_CACHE', cache.path)
    vi.stubEnv('POLYARCH_KANIKO_EXECUTOR', '/kaniko/executor')
    await prepareParts(['kaniko-fork'], ignore)
    await prepareParts([], ignore)
    expect(lacks('kaniko-fork')).toBe(false)
  })

  it('counts a part that nobody prepared as missing', async () => {
    await using cache = await temporaryDirectory()
    vi.stubEnv('POLYARCH_CACHE', cache.path)
    expect(reasonMissing('root')).toBe('it was not prepared: use npm test')
  })

  it('names POLYARCH_CACHE where the cache cannot be written', async () => {
    await using directory = await temporaryDirectory()
    await writeFile(join(directory.path, 'file'), '')
    vi.stubEnv('POLYARCH_CACHE', join(directory.path, 'file', 'cache'))
    await expect(prepareParts([], ignore)).rejects.toThrow('name another folder in POLYARCH_CACHE')
  })
})
