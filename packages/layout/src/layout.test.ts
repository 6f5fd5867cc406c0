// What a user of a layout directory finds on disk, and what the layout refuses.
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { hexOf, mediaTypes, type Store } from '@polyarch/oci'
import {
  lacks,
  partPath,
  pushSampleImage,
  sampleBlob,
  sampleContent,
  sampleImage,
  sampleIndex,
  type TemporaryDirectory,
  temporaryDirectory,
} from '@polyarch/parts'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { layoutRoots, openLayout, readLayoutIndex } from './index.ts'

const run = promisify(execFile)
const amd64 = { os: 'linux', architecture: 'amd64' }
const arm64 = { os: 'linux', architecture: 'arm64' }

let temporary: TemporaryDirectory
let directory: string
let layout: Store
beforeEach(async () => {
  temporary = await temporaryDirectory('layout')
  directory = join(temporary.path, 'out')
  layout = openLayout(directory)
})
afterEach(() => temporary[Symbol.asyncDispose]())

const listFiles = async (): Promise<string[]> =>
  (await readdir(directory, { recursive: true, withFileTypes: true }))
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .toSorted()

const readJson = async (name: string): Promise<unknown> => JSON.parse(await readFile(join(directory, name), 'utf8'))

const blobPath = (blob: {
  readonly descriptor: { readonly digest: `sha256:${string}` | `sha512:${string}` }
}): string => join(directory, 'blobs/sha256', hexOf(blob.descriptor.digest))

describe('a layout directory', () => {
  test('holds the three things of the specification and nothing else', async () => {
    const image = sampleImage(amd64)
    await pushSampleImage(layout, image, 'latest')
    expect(await readJson('oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' })
    expect(await readJson('index.json')).toEqual({
      schemaVersion: 2,
      mediaType: mediaTypes.ociIndex,
      manifests: [{ ...image.manifest.descriptor, annotations: { 'org.opencontainers.image.ref.name': 'latest' } }],
    })
    const blobs = [image.manifest, image.config, ...image.layers].map(
      (blob) => `blobs/sha256/${hexOf(blob.descriptor.digest)}`,
    )
    expect(await listFiles()).toEqual([...blobs.toSorted(), 'index.json', 'oci-layout'])
  })

  test('does not exist before something is in it', async () => {
    await expect(readLayoutIndex(directory)).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringContaining(directory),
    })
    await expect(layout.getManifest('latest')).rejects.toMatchObject({ code: 'NAME_UNKNOWN' })
    expect(await readdir(temporary.path)).toEqual([])
  })

  test('is left as it was by an upload that fails', async () => {
    await pushSampleImage(layout, sampleImage(amd64), 'latest')
    const before = await listFiles()
    const { bytes, descriptor } = sampleBlob('layer')
    await expect(layout.pushBlob(descriptor, sampleContent(bytes.subarray(1)))).rejects.toThrow('SIZE_INVALID')
    await expect(layout.pushManifest(sampleImage(arm64).manifest, 'latest')).rejects.toThrow('MANIFEST_BLOB_UNKNOWN')
    expect(await listFiles()).toEqual(before)
  })

  test('is rid of what killed writers left behind, a day after, and of nothing else', async () => {
    await pushSampleImage(layout, sampleImage(amd64), 'v1')
    const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000)
    const uuid = randomUUID()
    const abandoned = [`.index.json.${uuid}`, `blobs/sha256/.${'a'.repeat(32)}.${uuid}`]
    const kept = [`blobs/sha256/.${'b'.repeat(32)}.${uuid}`, 'blobs/sha256/.nfs0000', `blobs/sha256/${'c'.repeat(64)}`]
    for (const name of [...abandoned, ...kept]) await writeFile(join(directory, name), 'half a layer')
    for (const name of [...abandoned, ...kept.slice(1)]) await utimes(join(directory, name), yesterday, yesterday)
    await pushSampleImage(openLayout(directory), sampleImage(arm64), 'v2')
    const files = await listFiles()
    expect(files.filter((name) => abandoned.includes(name))).toEqual([])
    expect(files).toEqual(expect.arrayContaining(kept))
  })

  test('lists an index, and not the children that it names', async () => {
    const images = [sampleImage(amd64), sampleImage(arm64)]
    for (const image of images) await pushSampleImage(layout, image)
    expect((await readLayoutIndex(directory)).manifests.map((entry) => entry.platform)).toEqual([amd64, arm64])
    const index = sampleIndex(images)
    await layout.pushManifest(index, 'latest')
    expect((await readLayoutIndex(directory)).manifests.map((entry) => entry.digest)).toEqual([index.descriptor.digest])
    await pushSampleImage(layout, images[0]!)
    expect((await readLayoutIndex(directory)).manifests).toHaveLength(1)
    expect((await layout.getManifest(images[1]!.manifest.descriptor.digest)).descriptor.size).toBeGreaterThan(0)
  })

  test('is not written again when nothing changes', async () => {
    await pushSampleImage(layout, sampleImage(amd64), 'latest')
    const odd = `${JSON.stringify(await readJson('index.json'))}   `
    await writeFile(join(directory, 'index.json'), odd)
    await pushSampleImage(layout, sampleImage(amd64), 'latest')
    expect(await readFile(join(directory, 'index.json'), 'utf8')).toBe(odd)
  })

  test('keeps what other tools wrote into index.json', async () => {
    await pushSampleImage(layout, sampleImage(amd64), '1')
    const index = (await readJson('index.json')) as { manifests: unknown[] }
    const foreign = { mediaType: 'application/xml', digest: sampleBlob('<x/>').descriptor.digest, size: 4 }
    index.manifests.push(foreign)
    await writeFile(join(directory, 'index.json'), JSON.stringify({ ...index, annotations: { tool: 'other' } }))
    await pushSampleImage(layout, sampleImage(arm64), '2')
    expect(await readJson('index.json')).toMatchObject({ annotations: { tool: 'other' } })
    expect((await readLayoutIndex(directory)).manifests).toContainEqual(foreign)
    expect(await layout.listReferrers(sampleImage(amd64).manifest.descriptor.digest)).toEqual([])
    expect(await layoutRoots(directory)).toHaveLength(2)
  })

  test('takes the writes of several stores and processes at once, and loses none', async () => {
    const writer = join(import.meta.dirname, 'layout.ts')
    const parts = join(import.meta.dirname, '../../../tools/parts/src/sample-image.ts')
    const program = `
      const [{ openLayout }, { pushSampleImage, sampleImage }] = await Promise.all([import(process.argv[1]), import(process.argv[2])])
      const store = openLayout(process.argv[3])
      await Promise.all(Array.from({ length: 10 }, (_, n) =>
        pushSampleImage(store, sampleImage({ os: 'linux', architecture: 'amd64' }, [process.argv[4] + n]), process.argv[4] + n)))`
    const flags = ['--conditions=@polyarch/source', '--input-type=module', '--eval', program]
    await Promise.all(['a', 'b', 'c'].map((name) => run(process.execPath, [...flags, writer, parts, directory, name])))
    const expected = ['a', 'b', 'c'].flatMap((name) => Array.from({ length: 10 }, (_, n) => `${name}${n}`))
    expect((await layout.listTags()).toSorted()).toEqual(expected.toSorted())
    expect((await listFiles()).filter((name) => /lock|\/\.|^\./.test(name))).toEqual([])
  })
})

describe('a layout refuses', () => {
  test('a blob that is a symbolic link', async () => {
    const image = sampleImage(amd64)
    await pushSampleImage(layout, image, 'latest')
    const secret = join(temporary.path, 'secret')
    await rename(blobPath(image.config), secret)
    await symlink(secret, blobPath(image.config))
    await expect(layout.resolveBlob(image.config.descriptor.digest)).rejects.toMatchObject({
      kind: 'verification',
      message: expect.stringContaining('symbolic link'),
    })
    await expect(layout.getBlob(image.config.descriptor)[Symbol.asyncIterator]().next()).rejects.toThrow(
      'symbolic link',
    )
  })

  test('to write through a folder that is a symbolic link', async () => {
    const outside = join(temporary.path, 'outside')
    await mkdir(outside)
    await mkdir(directory)
    await symlink(outside, join(directory, 'blobs'))
    await expect(pushSampleImage(layout, sampleImage(amd64), 'latest')).rejects.toMatchObject({ kind: 'verification' })
    expect(await readdir(outside)).toEqual([])
  })

  test('an index.json that is a symbolic link', async () => {
    await pushSampleImage(layout, sampleImage(amd64), 'latest')
    await rename(join(directory, 'index.json'), join(temporary.path, 'index.json'))
    await symlink('../index.json', join(directory, 'index.json'))
    await expect(layout.listTags()).rejects.toThrow('symbolic link')
  })

  test('a file name that is no digest', async () => {
    const forged = 'sha256:../../../etc/passwd' as const
    await expect(layout.resolveBlob(forged)).rejects.toMatchObject({ kind: 'verification' })
    const index = { schemaVersion: 2, manifests: [{ mediaType: mediaTypes.ociManifest, digest: forged, size: 3 }] }
    await mkdir(directory)
    await writeFile(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
    await writeFile(join(directory, 'index.json'), JSON.stringify(index))
    await expect(readLayoutIndex(directory)).rejects.toMatchObject({
      kind: 'verification',
      message: expect.stringContaining('index.json: index: manifests[0]'),
    })
  })

  test.each([
    ['not JSON', '{', 'is not JSON'],
    ['of another version', '{"imageLayoutVersion":"2.0.0"}', '"2.0.0" is not known: expected "1.0.0"'],
    ['without version', 'null', 'expected "1.0.0"'],
  ])('an oci-layout file that is %s', async (_, content, message) => {
    await mkdir(directory)
    await writeFile(join(directory, 'oci-layout'), content)
    await expect(readLayoutIndex(directory)).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringContaining(message),
    })
    await expect(pushSampleImage(layout, sampleImage(amd64))).rejects.toThrow(message)
  })

  test('a layout without index.json', async () => {
    await pushSampleImage(layout, sampleImage(amd64), 'latest')
    await rm(join(directory, 'index.json'))
    await expect(layout.listTags()).rejects.toMatchObject({ kind: 'verification' })
  })

  test('a directory that is a file', async () => {
    await writeFile(directory, '')
    await expect(pushSampleImage(layout, sampleImage(amd64))).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringContaining(directory),
    })
  })

  test('a manifest whose bytes on disk are others', async () => {
    const image = sampleImage(amd64)
    await pushSampleImage(layout, image, 'latest')
    await writeFile(blobPath(image.manifest), '{}')
    await expect(layout.getManifest('latest')).rejects.toMatchObject({ code: 'DIGEST_INVALID' })
  })
})

describe('the roots of a layout', () => {
  test('are the image, once, that kaniko wrote without platform and with a stray artifactType', async () => {
    const image = sampleImage(amd64)
    await pushSampleImage(layout, image)
    const { digest, mediaType, size } = image.manifest.descriptor
    const entry = { mediaType, digest, size, artifactType: mediaTypes.ociConfig }
    await writeFile(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry, entry] }))
    expect(await layoutRoots(directory)).toEqual([{ mediaType, digest, size }])
  })

  test('are the index that holds an image and its attestation, even when these are listed too', async () => {
    const images = [sampleImage(amd64), sampleImage({ os: 'unknown', architecture: 'unknown' })]
    for (const [position, image] of images.entries()) await pushSampleImage(layout, image, `part-${position}`)
    const index = sampleIndex(images)
    await layout.pushManifest(index, 'latest')
    expect((await layoutRoots(directory)).map((root) => root.digest)).toEqual([index.descriptor.digest])
  })
})

describe.skipIf(lacks('skopeo'))('skopeo', () => {
  test('reads what is written here, and is read here', async () => {
    const images = [sampleImage(amd64), sampleImage(arm64)]
    for (const image of images) await pushSampleImage(layout, image)
    const index = sampleIndex(images)
    await layout.pushManifest(index, 'latest')
    const skopeo = partPath('skopeo')
    const { stdout } = await run(skopeo, ['inspect', '--raw', `oci:${directory}:latest`])
    expect(stdout).toBe(new TextDecoder().decode(index.bytes))
    const copied = join(temporary.path, 'copied')
    await run(skopeo, ['copy', '--all', '--preserve-digests', `oci:${directory}:latest`, `oci:${copied}:v1`])
    const other = openLayout(copied)
    expect(await other.listTags()).toEqual(['v1'])
    expect((await other.resolveManifest('v1')).digest).toBe(index.descriptor.digest)
    expect((await layoutRoots(copied)).map((root) => root.digest)).toContain(index.descriptor.digest)
  })
})
