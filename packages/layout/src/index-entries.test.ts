// What updates make of the entries of index.json.
import { type Descriptor, digestOf, mediaTypes } from '@polyarch/oci'
import { describe, expect, test } from 'vitest'
import { addEntry, removeManifest, removeTag } from './index-entries.ts'

const image = (name: string, tag?: string): Descriptor => ({
  mediaType: mediaTypes.ociManifest,
  digest: digestOf(Buffer.from(name)),
  size: name.length,
  ...(tag === undefined ? {} : { annotations: { 'org.opencontainers.image.ref.name': tag } }),
})
const none: ReadonlySet<never> = new Set<never>()

describe('adding a manifest', () => {
  test('lists it once, however often it comes', () => {
    const once = addEntry([], image('a'), undefined, none)
    expect(addEntry(once, image('a'), undefined, none)).toEqual([image('a')])
  })

  test('gives its tag to the entry that it has', () => {
    expect(addEntry([image('a')], image('a'), 'latest', none)).toEqual([image('a', 'latest')])
  })

  test('keeps one entry for each tag', () => {
    expect(addEntry([image('a', '1')], image('a'), '2', none)).toEqual([image('a', '1'), image('a', '2')])
  })

  test('moves a tag in place and leaves the former manifest in the layout', () => {
    const entries = [image('a', 'latest'), image('b', '1')]
    expect(addEntry(entries, image('c'), 'latest', none)).toEqual([image('c', 'latest'), image('b', '1'), image('a')])
  })

  test('heals a tag that another tool wrote twice', () => {
    const entries = [image('a', 'latest'), image('b', 'latest')]
    expect(addEntry(entries, image('a'), 'latest', none)).toEqual([image('a', 'latest'), image('b')])
  })

  test('does not list the children of an index, but leaves those that have a tag', () => {
    const children = new Set([image('a').digest, image('b').digest])
    const entries = [image('a'), image('b', 'amd64')]
    expect(addEntry(entries, image('index'), 'latest', children)).toEqual([
      image('b', 'amd64'),
      image('index', 'latest'),
    ])
  })

  test('keeps the platform and annotations of other entries', () => {
    const foreign = { ...image('a', '1'), platform: { os: 'linux', architecture: 'arm64' } }
    const annotated = { ...foreign, annotations: { ...foreign.annotations, 'com.example': 'kept' } }
    const [tagged, former] = addEntry([annotated], image('b'), '1', none)
    expect(tagged).toEqual(image('b', '1'))
    expect(former).toEqual({ ...image('a'), platform: foreign.platform, annotations: { 'com.example': 'kept' } })
  })
})

describe('removing', () => {
  test('a tag leaves the manifest and its other tags', () => {
    expect(removeTag([image('a', '1')], '1', none)).toEqual([image('a')])
    expect(removeTag([image('a', '1'), image('a', '2')], '1', none)).toEqual([image('a', '2')])
  })

  test('a manifest takes all its tags along', () => {
    expect(removeManifest([image('a', '1'), image('b', '1'), image('a', '2')], image('a').digest)).toEqual([
      image('b', '1'),
    ])
  })
})
