// Writes a base image made of Debian's busybox-static into an OCI layout: one index, a child per platform.
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import {
  buildIndex,
  type Descriptor,
  digestOf,
  hexOf,
  type Index,
  type Manifest,
  mediaTypes,
  parseIndex,
  parsePlatform,
} from '@polyarch/oci'
import { type Header, pack } from 'tar-stream'
import { type BusyboxArchitecture, prepareBusybox } from './busybox.ts'
import { runProgram } from './program.ts'

/** Platforms that Debian's busybox-static is unpacked for. */
export type BasePlatform = 'linux/amd64' | 'linux/arm64'

const architectureOf = (platform: BasePlatform): BusyboxArchitecture => (platform === 'linux/amd64' ? 'amd64' : 'arm64')

const layerType = 'application/vnd.oci.image.layer.v1.tar+gzip'
const tagAnnotation = 'org.opencontainers.image.ref.name'

const passwd = 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n'
const group = 'root:x:0:\nnogroup:x:65534:\n'

/** An entry of a layer's tar; what it does not say is root's, of no time. */
export type LayerEntry = Partial<Header> & { readonly name: string; readonly content?: string | Uint8Array }

const directory = (name: string, mode = 0o755): LayerEntry => ({ name: `${name}/`, type: 'directory', mode })
const file = (name: string, content: string | Uint8Array, mode = 0o644): LayerEntry => ({ name, content, mode })

/** The names under which busybox does something; the same for every architecture of one version. */
const listApplets = async (): Promise<string[]> => {
  const native = await prepareBusybox(process.arch === 'arm64' ? 'arm64' : 'amd64')
  const names = await runProgram(native, ['--list'])
  return names.split('\n').filter((name) => /^[a-z0-9_.[-]+$/i.test(name) && name !== 'busybox')
}

const listEntries = async (platform: BasePlatform): Promise<LayerEntry[]> => [
  directory('bin'),
  file('bin/busybox', await readFile(await prepareBusybox(architectureOf(platform))), 0o755),
  ...(await listApplets()).map((name): LayerEntry => ({ name: `bin/${name}`, type: 'symlink', linkname: 'busybox' })),
  directory('etc'),
  file('etc/group', group),
  file('etc/passwd', passwd),
  directory('root', 0o700),
  directory('tmp', 0o1777),
]

/** The tar of a layer; the same bytes each time, so that digests in tests stay the same. */
const writeLayer = async (entries: readonly LayerEntry[]): Promise<Uint8Array> => {
  const tar = pack()
  for (const { content, ...headers } of entries) {
    const stable = { uid: 0, gid: 0, mtime: new Date(0), ...headers }
    if (content === undefined) tar.entry(stable)
    else tar.entry(stable, Buffer.from(content))
  }
  tar.finalize()
  return buffer(tar)
}

type Put = (bytes: Uint8Array, mediaType: string) => Promise<Descriptor>

const writeChild = async (platform: BasePlatform, options: BaseImageOptions, put: Put): Promise<Descriptor> => {
  const { triggers = [], layers: more = [], config: settings = {} } = options
  const { os, architecture } = parsePlatform(platform)
  const tars: Uint8Array[] = []
  for (const entries of [await listEntries(platform), ...more]) tars.push(await writeLayer(entries))
  const layers: Descriptor[] = []
  for (const tar of tars) layers.push(await put(gzipSync(tar), layerType))
  const config = {
    architecture,
    os,
    config: {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      Cmd: ['sh'],
      ...(triggers.length === 0 ? {} : { OnBuild: triggers }),
      ...settings,
    },
    rootfs: { type: 'layers', diff_ids: tars.map(digestOf) },
    history: tars.map((_, position) => ({
      created: '1970-01-01T00:00:00Z',
      created_by: position === 0 ? 'busybox-static' : `layer ${position}`,
    })),
  }
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: await put(Buffer.from(JSON.stringify(config)), mediaTypes.ociConfig),
    layers,
  }
  return { ...(await put(Buffer.from(JSON.stringify(manifest)), manifest.mediaType)), platform: { os, architecture } }
}

const readLayoutIndex = async (path: string): Promise<readonly Descriptor[]> => {
  try {
    return parseIndex(await readFile(path)).manifests
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

export interface BaseImageOptions {
  /** Default: all. */
  readonly platforms?: readonly BasePlatform[]
  /** Default: `latest`. */
  readonly tag?: string
  /** Instructions that ONBUILD holds for whoever builds on the image. */
  readonly triggers?: readonly string[]
  /** More layers, on top of busybox's. */
  readonly layers?: readonly (readonly LayerEntry[])[]
  /** Settings of the image's config, such as User, Env and Labels, instead of or besides its own. */
  readonly config?: Readonly<Record<string, unknown>>
}

/** Writes the base image into the layout directory and gives the index's digest. */
export const writeBaseImage = async (layout: string, options: BaseImageOptions = {}): Promise<string> => {
  const { platforms = ['linux/amd64', 'linux/arm64'], tag = 'latest' } = options
  const blobs = join(layout, 'blobs', 'sha256')
  await mkdir(blobs, { recursive: true })
  const put: Put = async (bytes, mediaType) => {
    const digest = digestOf(bytes)
    await writeFile(join(blobs, hexOf(digest)), bytes)
    return { mediaType, digest, size: bytes.length }
  }
  const children: Descriptor[] = []
  for (const platform of platforms) children.push(await writeChild(platform, options, put))
  const index = buildIndex(children)
  await put(index.bytes, index.descriptor.mediaType)
  const indexPath = join(layout, 'index.json')
  const others = (await readLayoutIndex(indexPath)).filter((entry) => entry.annotations?.[tagAnnotation] !== tag)
  const entry: Descriptor = { ...index.descriptor, annotations: { [tagAnnotation]: tag } }
  const entries: Index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [...others, entry] }
  await writeFile(indexPath, JSON.stringify(entries))
  await writeFile(join(layout, 'oci-layout'), JSON.stringify({ imageLayoutVersion: '1.0.0' }))
  return index.descriptor.digest
}
