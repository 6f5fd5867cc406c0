// Tests that the base image is one that an independent client reads.
import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { writeBaseImage } from './base-image.ts'
import { lacks, partPath } from './part.ts'
import { temporaryDirectory } from './temporary.ts'

describe.skipIf(lacks('busybox-amd64', 'busybox-arm64', 'skopeo'))('the base image', () => {
  const inspect = (...args: string[]): string =>
    execFileSync(partPath('skopeo'), ['inspect', ...args], { encoding: 'utf8', stdio: 'pipe' })

  it('has a child per platform that skopeo can read', async () => {
    await using directory = await temporaryDirectory()
    await writeBaseImage(directory.path, { tag: 'base' })
    for (const architecture of ['amd64', 'arm64']) {
      const image = JSON.parse(inspect('--override-arch', architecture, `oci:${directory.path}:base`))
      expect(image).toMatchObject({ Architecture: architecture, Os: 'linux' })
    }
  })

  it('has the same digest each time', async () => {
    await using first = await temporaryDirectory()
    await using second = await temporaryDirectory()
    expect(await writeBaseImage(first.path)).toBe(await writeBaseImage(second.path))
  })

  it('keeps what the layout held under other tags', async () => {
    await using directory = await temporaryDirectory()
    await writeBaseImage(directory.path, { tag: 'one', platforms: ['linux/amd64'] })
    await writeBaseImage(directory.path, { tag: 'two', platforms: ['linux/amd64'] })
    expect(inspect('--raw', `oci:${directory.path}:one`)).toBe(inspect('--raw', `oci:${directory.path}:two`))
  })
})
