// Reads an image out of a registry, layer by layer, with nothing of Polyarch: what files it has, and on disk.
import { createHash } from 'node:crypto'
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'
import { extract, type Header } from 'tar-stream'
import { runOrThrow } from '../command.ts'
import { disposableMark } from './jail-script.ts'

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
}

/** The part of an image's config that these tests look at. */
export interface ImageConfig {
  readonly architecture: string
  readonly os: string
  readonly config: {
    readonly User?: string
    readonly Env?: readonly string[]
    readonly Entrypoint?: readonly string[]
    readonly Cmd?: readonly string[]
    readonly WorkingDir?: string
    readonly Labels?: Readonly<Record<string, string>>
  }
  readonly rootfs: { readonly diff_ids: readonly string[] }
  readonly history?: readonly { readonly created_by?: string; readonly empty_layer?: boolean }[]
}

export interface PulledImage {
  readonly digest: string
  readonly config: ImageConfig
  /** Tars, uncompressed, from the bottom up. */
  readonly layers: readonly Uint8Array[]
}

const sha256 = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

const accept = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')

interface Manifest {
  readonly manifests?: readonly (Descriptor & { readonly platform: { readonly architecture: string } })[]
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
}

/** This machine's architecture, as images call it. */
const native = process.arch === 'arm64' ? 'arm64' : 'amd64'

/**
 * The image behind `HOST/NAME:TAG` or `HOST/NAME@DIGEST` of a registry without TLS, with every byte of it; of an index
 * the one for the architecture.
 * @throws where anything is missing or is not what its digest says.
 */
export const pullImage = async (reference: string, architecture = native): Promise<PulledImage> => {
  const [, host, name, version] = /^([^/]+)\/([^:@]+)[:@](.+)$/.exec(reference) ?? []
  const fetchBytes = async (path: string): Promise<Buffer> => {
    const answer = await fetch(`http://${host}/v2/${name}/${path}`, { headers: { accept } })
    if (answer.status !== 200) throw new Error(`${reference}: GET ${path}: ${answer.status} ${await answer.text()}`)
    return Buffer.from(await answer.arrayBuffer())
  }
  const fetchBlob = async ({ digest, size }: Descriptor): Promise<Buffer> => {
    const bytes = await fetchBytes(`blobs/${digest}`)
    if (sha256(bytes) !== digest || bytes.length !== size) throw new Error(`${reference}: ${digest} is damaged`)
    return bytes
  }
  const manifest = await fetchBytes(`manifests/${version}`)
  const parsed = JSON.parse(String(manifest)) as Manifest
  if (parsed.manifests) {
    const child = parsed.manifests.find(({ platform }) => platform.architecture === architecture)
    return await pullImage(`${host}/${name}@${child?.digest}`)
  }
  const config = JSON.parse(String(await fetchBlob(parsed.config))) as ImageConfig
  const layers = await Promise.all(
    parsed.layers.map(async (layer, position) => {
      const blob = await fetchBlob(layer)
      const tar = blob[0] === 0x1f && blob[1] === 0x8b ? gunzipSync(blob) : blob
      if (sha256(tar) !== config.rootfs.diff_ids[position])
        throw new Error(`${reference}: layer ${position} is not the config's ${config.rootfs.diff_ids[position]}`)
      return tar
    }),
  )
  return { digest: sha256(manifest), config, layers }
}

const describe = ({ type, mode, uid, gid, linkname }: Header, content: Uint8Array): string => {
  if (type === 'link') return `hard link to ${linkname?.replace(/^\//, '')}`
  const owner = `${uid}:${gid}`
  if (type === 'symlink') return `link to ${linkname} ${owner}`
  const facts = `${type} ${(mode & 0o7777).toString(8)} ${owner}`
  return type === 'directory' ? facts : `${facts} ${content.length} bytes ${sha256(content).slice(7, 19)}`
}

interface LayerFile {
  readonly path: string
  readonly header: Header
  readonly content: Uint8Array
}

const readLayer = async (tar: Uint8Array): Promise<LayerFile[]> => {
  const files: LayerFile[] = []
  const reader = extract()
  reader.end(tar)
  for await (const entry of reader) {
    const path = `/${entry.header.name.replace(/^(?:\.?\/)+|\/$/g, '')}`
    files.push({ path, header: entry.header, content: await buffer(entry) })
  }
  return files.toSorted((left, right) => (left.path < right.path ? -1 : 1))
}

/** What a layer does to the file system: path to type, mode, owner, content and target; times do not count. */
export const listLayer = async (tar: Uint8Array): Promise<Readonly<Record<string, string>>> =>
  Object.fromEntries((await readLayer(tar)).map(({ path, header, content }) => [path, describe(header, content)]))

/** The text of a file that the layer brings. @throws when it brings none. */
export const readLayerFile = async (tar: Uint8Array, path: string): Promise<string> => {
  const file = (await readLayer(tar)).find((candidate) => candidate.path === path)
  if (file === undefined) throw new Error(`the layer has no ${path}`)
  return Buffer.from(file.content).toString()
}

/** Unpacks the image's layers into a new directory, which is marked as a root that may be deleted. */
export const unpackImage = async ({ layers }: PulledImage, root: string): Promise<void> => {
  await mkdir(root)
  await chmod(root, 0o755)
  for (const [position, layer] of layers.entries()) {
    for (const path of Object.keys(await listLayer(layer))) {
      const [, directory = '', name = ''] = /^(.*)\/\.wh\.([^/]+)$/.exec(path) ?? []
      if (name !== '') await rm(join(root, directory, name), { recursive: true, force: true })
    }
    const file = `${root}.layer-${position}.tar`
    await writeFile(file, layer)
    await runOrThrow(['tar', '-xpf', file, '--numeric-owner', '--exclude=.wh.*', '-C', root], { directory: '/' })
    await rm(file)
  }
  await writeFile(join(root, disposableMark), '')
}

/** The environment that a container of the image starts with. */
export const environmentOf = ({ config }: PulledImage): Record<string, string> =>
  Object.fromEntries(
    (config.config.Env ?? []).map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
  )
