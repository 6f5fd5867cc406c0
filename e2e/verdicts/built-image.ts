// The image in a layout as a container of it would see it: its config, and its files after all layers.
import { posix } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { type LayerEntry, readElfHeader, readLayer } from '@polyarch/engine'
import { openLayout } from '@polyarch/layout'
import { digestOf, type ImageConfig, type Manifest, parseImageConfig, parseManifest } from '@polyarch/oci'

/** A file of the image; texts are of small files only. */
export interface BuiltFile {
  readonly type: LayerEntry['type']
  readonly text: string | undefined
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Where a symbolic link points. */
  readonly target: string | undefined
  /** The digest of a file's bytes. */
  readonly digest: string | undefined
  /** The architecture that a binary is for. */
  readonly machine: string | undefined
}

export interface BuiltImage {
  readonly manifest: Manifest
  readonly config: ImageConfig
  /** Paths without leading `/`. */
  readonly files: ReadonlyMap<string, BuiltFile>
}

const largestText = 10_000

const whiteout = '.wh.'
const opaqueWhiteout = '.wh..wh..opq'

const readFileEntry = async ({ type, mode, uid, gid, linkname, content }: LayerEntry): Promise<BuiltFile> => {
  const bytes = type === 'file' ? await buffer(content) : undefined
  const text = bytes && bytes.length <= largestText ? bytes.toString('utf8') : undefined
  // Some engines write the type of the file into the mode, as stat(2) has it.
  return {
    type,
    text,
    mode: mode & 0o7777,
    uid,
    gid,
    target: type === 'symlink' ? linkname : undefined,
    digest: bytes && digestOf(bytes),
    machine: bytes && readElfHeader(bytes)?.architecture,
  }
}

/** The files with the layer on top; whiteouts hide what is below the layer, never what is in it. */
const applyLayer = async (
  below: ReadonlyMap<string, BuiltFile>,
  name: string,
  bytes: AsyncIterable<Uint8Array>,
): Promise<ReadonlyMap<string, BuiltFile>> => {
  const added = new Map<string, BuiltFile>()
  const hidden: string[] = []
  const opaque: string[] = []
  await readLayer(name, bytes, async (entry) => {
    const { dir, base } = posix.parse(entry.path)
    if (base === opaqueWhiteout) opaque.push(dir)
    else if (base.startsWith(whiteout)) hidden.push(posix.join(dir, base.slice(whiteout.length)))
    else if (entry.type === 'link') {
      const target = (entry.linkname ?? '').replace(/^\/+/, '')
      const file = added.get(target) ?? below.get(target)
      if (file) added.set(entry.path, file)
    } else added.set(entry.path, await readFileEntry(entry))
    // What is no directory hides the one that was there.
    if (entry.type !== 'directory' && below.get(entry.path)?.type === 'directory') opaque.push(entry.path)
  })
  const isBelow = (path: string, directory: string): boolean => directory === '' || path.startsWith(`${directory}/`)
  const kept = [...below].filter(
    ([path]) =>
      !hidden.some((gone) => path === gone || isBelow(path, gone)) &&
      !opaque.some((directory) => isBelow(path, directory)),
  )
  return new Map([...kept, ...added])
}

/** Reads the image with that digest out of the layout. */
export const readBuiltImage = async (layout: string, digest: string): Promise<BuiltImage> => {
  const store = openLayout(layout)
  const manifest = parseManifest((await store.getManifest(digest)).bytes)
  let files: ReadonlyMap<string, BuiltFile> = new Map()
  for (const layer of manifest.layers) files = await applyLayer(files, layer.digest, store.getBlob(layer))
  return { manifest, config: parseImageConfig(await buffer(store.getBlob(manifest.config))), files }
}
