// The image in a layout as a test looks at it, read without the code under test.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { type ImageConfig, type Manifest, parseImageConfig, parseManifest } from '@polyarch/oci'
import { extract } from 'tar-stream'

/** A small file of a layer. */
export interface LayerFile {
  readonly text: string
  readonly mode: number
  /** `uid:gid`. */
  readonly owner: string
}

export interface LayoutImage {
  readonly manifest: Manifest
  readonly config: ImageConfig & { readonly history?: readonly unknown[] }
  /** The paths of all entries of all layers, sorted, without leading `/`; directories end with `/`. */
  readonly paths: readonly string[]
  /** The small files of all layers by path; a later layer's takes the place of an earlier one's. */
  readonly files: Readonly<Record<string, LayerFile>>
}

const largestFile = 10_000

/** The image of that digest in the layout. */
export const readImage = async ({
  layout,
  digest,
}: {
  readonly layout: string
  readonly digest: string
}): Promise<LayoutImage> => {
  const readBlob = (name: string) => readFile(join(layout, 'blobs', ...name.split(':')))
  const manifest = parseManifest(await readBlob(digest))
  const files: Record<string, LayerFile> = {}
  const paths: string[] = []
  for (const layer of manifest.layers) {
    const bytes = await readBlob(layer.digest)
    const tar = extract()
    tar.end(layer.mediaType.endsWith('gzip') ? gunzipSync(bytes) : bytes)
    for await (const entry of tar) {
      const { name, type, mode, size, uid, gid } = entry.header
      const path = name.replace(/^(?:\.?\/)+/, '').replace(/\/+$/, '')
      paths.push(type === 'directory' ? `${path}/` : path)
      const content = await buffer(entry)
      if (type === 'file' && size < largestFile)
        files[path] = { text: content.toString(), mode: mode & 0o7777, owner: `${uid}:${gid}` }
    }
  }
  return { manifest, config: parseImageConfig(await readBlob(manifest.config.digest)), paths: paths.sort(), files }
}

/** What is mounted below the directory; other tests of this machine mount things elsewhere. */
export const listMounts = async (directory: string): Promise<string[]> =>
  (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').filter((line) => line.includes(directory))
