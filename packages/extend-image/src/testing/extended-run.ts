// Reads what an extension left for the exporter, as a person would want to compare it.
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { hexOf, type ImageConfig, type Manifest, parseImageConfig, parseIndex, parseManifest } from '@polyarch/oci'
import { extract } from 'tar-stream'

/** An entry of a layer in one line: type, mode, owner, and content or target. */
export type LayerLines = Readonly<Record<string, string>>

export interface ExtendedRun {
  readonly directory: string
  readonly manifest: Manifest
  readonly config: ImageConfig
  /** The layers whose blobs are there, in their order; times are left out. */
  readonly layers: readonly LayerLines[]
  /** Files below the directory with their modes. */
  readonly files: Readonly<Record<string, string>>
}

const readLayer = async (bytes: Uint8Array): Promise<LayerLines> => {
  const tar = extract()
  tar.end(gunzipSync(bytes))
  const lines: Record<string, string> = {}
  for await (const entry of tar) {
    const { name, type, mode, uid, gid, linkname, pax } = entry.header
    const path = name.replace(/^(?:\.?\/)+/, '')
    const content = (await buffer(entry)).toString()
    const attributes = Object.keys(pax ?? {}).filter((key) => key.startsWith('SCHILY.xattr'))
    lines[path] = [type, (mode & 0o7777).toString(8), `${uid}:${gid}`, linkname ?? content, ...attributes].join(' ')
  }
  return lines
}

/** The one layout in the directory. */
export const readExtendedRun = async (parent: string): Promise<ExtendedRun> => {
  const [name, ...others] = await readdir(parent)
  if (name === undefined || others.length > 0) throw new Error(`${parent} holds ${others.length + 1} entries`)
  const directory = join(parent, name)
  const blob = (digest: `sha256:${string}` | `sha512:${string}`) =>
    readFile(join(directory, 'blobs/sha256', hexOf(digest)))
  const { manifests } = parseIndex(await readFile(join(directory, 'index.json')))
  if (manifests.length !== 1 || manifests[0]?.digest !== name) throw new Error(`${directory} names other manifests`)
  const manifest = parseManifest(await blob(manifests[0].digest))
  const layers: LayerLines[] = []
  for (const layer of manifest.layers) {
    const bytes = await blob(layer.digest).catch(() => undefined)
    if (bytes !== undefined) layers.push(await readLayer(bytes))
  }
  const files: Record<string, string> = {}
  for (const path of ['.', ...(await readdir(directory, { recursive: true }))])
    files[path] = ((await stat(join(directory, path))).mode & 0o7777).toString(8)
  return { directory, manifest, config: parseImageConfig(await blob(manifest.config.digest)), layers, files }
}
