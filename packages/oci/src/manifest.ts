// Descriptors, image manifests, indexes and configs: their types, and guards from untrusted bytes to them.
import { type Digest, isDigest } from './digest.ts'
import { verificationFailure } from './failure.ts'
import { isImageManifestType, isIndexType, mediaTypes } from './media-types.ts'
import { normalisePlatform, type Platform } from './platform.ts'

/** What a piece of content is, how long it is and which bytes it has (image-spec descriptor.md). */
export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
  readonly annotations?: Readonly<Record<string, string>>
  readonly urls?: readonly string[]
  readonly artifactType?: string
  readonly platform?: Platform
  readonly data?: string
}

/** One platform's image (image-spec manifest.md, or docker's schema 2). */
export interface Manifest {
  readonly schemaVersion: 2
  readonly mediaType: string
  readonly artifactType?: string
  readonly config: Descriptor
  readonly layers: readonly Descriptor[]
  readonly subject?: Descriptor
  readonly annotations?: Readonly<Record<string, string>>
}

/** A list of manifests, one per platform (image-spec image-index.md, or docker's manifest list). */
export interface Index {
  readonly schemaVersion: 2
  readonly mediaType: string
  readonly artifactType?: string
  readonly manifests: readonly Descriptor[]
  readonly subject?: Descriptor
  readonly annotations?: Readonly<Record<string, string>>
}

/** The fields of an image's config that Polyarch reads (image-spec config.md). */
export interface ImageConfig {
  readonly os: string
  readonly architecture: string
  readonly variant?: string
  readonly 'os.version'?: string
  readonly 'os.features'?: readonly string[]
  readonly config?: { readonly Labels?: Readonly<Record<string, string>> | null; readonly [key: string]: unknown }
  readonly rootfs: { readonly type: string; readonly diff_ids: readonly Digest[] }
  readonly [key: string]: unknown
}

/** The largest manifest that is read: what the distribution spec asks every registry to accept. */
export const manifestSizeLimit = 4 * 1024 * 1024

/** BuildKit nests an index in a layout's index; more than a few levels are an attack. */
export const deepestIndex = 4

/** The most manifests that are followed from one index with all that it nests. */
export const mostManifests = 10_000

/** The deepest that a document nests: what is deeper no specification asks for, and other parsers give up on. */
const deepestDocument = 1000

/** How deep the lists and objects of JSON are nested. */
const depthOf = (json: Uint8Array): number => {
  let deepest = 0
  let depth = 0
  let isText = false
  for (let position = 0; position < json.length; position += 1) {
    const byte = json[position]
    if (byte === 0x22) isText = !isText
    else if (isText) position += byte === 0x5c ? 1 : 0
    else if (byte === 0x7d || byte === 0x5d) depth -= 1
    else if (byte === 0x7b || byte === 0x5b) depth += 1
    deepest = Math.max(deepest, depth)
  }
  return deepest
}

type Json = Readonly<Record<string, unknown>>

const isRecord = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value)

const decoder = new TextDecoder('utf-8', { fatal: true })

const parseJson = (bytes: Uint8Array, what: string): Json => {
  if (bytes.length > manifestSizeLimit)
    throw verificationFailure(`${what} has ${bytes.length} bytes: more than the limit of ${manifestSizeLimit}`)
  let value: unknown
  try {
    value = JSON.parse(decoder.decode(bytes))
  } catch (cause) {
    throw verificationFailure(`${what} is not JSON`, { cause })
  }
  if (!isRecord(value)) throw verificationFailure(`${what} is not a JSON object`)
  // What writes or compares such values calls itself once for each level.
  if (depthOf(bytes) > deepestDocument) throw verificationFailure(`${what} nests deeper than ${deepestDocument} levels`)
  return value
}

const requireText = (value: unknown, what: string): string => {
  if (typeof value === 'string' && value !== '') return value
  throw verificationFailure(`${what} is missing or not text`)
}

const optionalText = (value: unknown, what: string): void => {
  if (value !== undefined && typeof value !== 'string') throw verificationFailure(`${what} is not text`)
}

/** The fields of a platform, in an index entry and in a config alike. */
const checkPlatform = (json: Json, what: string): void => {
  requireText(json['os'], `${what} os`)
  requireText(json['architecture'], `${what} architecture`)
  optionalText(json['variant'], `${what} variant`)
  optionalText(json['os.version'], `${what} os.version`)
  const features = json['os.features']
  if (features !== undefined && !(Array.isArray(features) && features.every((feature) => typeof feature === 'string')))
    throw verificationFailure(`${what} os.features is not a list of texts`)
}

/** Whether an entry's platform names one: for artifacts some tools write empty texts, as Go does, or null. */
const namesPlatform = (platform: unknown, what: string): platform is Json => {
  if (platform === undefined || platform === null) return false
  if (!isRecord(platform)) throw verificationFailure(`${what} is not an object`)
  return [platform['os'], platform['architecture']].every((text) => (text ?? '') !== '')
}

/** Some tools write null where there are none, as Go does. */
const checkAnnotations = (value: unknown, what: string): void => {
  if (value === undefined || value === null) return
  if (!isRecord(value)) throw verificationFailure(`${what} is not an object`)
  for (const [key, text] of Object.entries(value)) optionalText(text, `${what}: ${key.slice(0, 160)}`)
}

const requireDescriptor = (value: unknown, what: string): Descriptor => {
  if (!isRecord(value)) throw verificationFailure(`${what} is not a descriptor`)
  const { digest, size } = value
  requireText(value['mediaType'], `${what}: mediaType`)
  if (!isDigest(digest)) throw verificationFailure(`${what}: "${String(digest).slice(0, 160)}" is not a digest`)
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw verificationFailure(`${what}: size ${String(size).slice(0, 40)} is not a whole number of bytes`)
  const { platform, ...others } = value
  const isNamed = namesPlatform(platform, `${what}: platform`)
  if (isNamed) checkPlatform(platform, `${what}: platform:`)
  optionalText(value['artifactType'], `${what}: artifactType`)
  checkAnnotations(value['annotations'], `${what}: annotations`)
  return (isNamed ? value : others) as unknown as Descriptor
}

const requireDescriptors = (value: unknown, what: string): readonly Descriptor[] => {
  if (!Array.isArray(value)) throw verificationFailure(`${what} is not a list`)
  return value.map((entry, position) => requireDescriptor(entry, `${what}[${position}]`))
}

/** The media type that a manifest's own bytes claim, or what their shape says where they claim none. */
const detectMediaType = (json: Json): string => {
  if (typeof json['mediaType'] === 'string' && json['mediaType'] !== '') return json['mediaType']
  return Array.isArray(json['manifests']) ? mediaTypes.ociIndex : mediaTypes.ociManifest
}

/**
 * The media type of manifest bytes.
 * @throws {Failure} verification, when they are not a manifest's JSON.
 */
export const mediaTypeOf = (bytes: Uint8Array): string => detectMediaType(parseJson(bytes, 'manifest'))

/**
 * An image manifest from its bytes.
 * @throws {Failure} verification, naming the field that is wrong.
 */
export const parseManifest = (bytes: Uint8Array): Manifest => {
  const json = parseJson(bytes, 'manifest')
  const mediaType = detectMediaType(json)
  if (!isImageManifestType(mediaType)) throw verificationFailure(`expected an image manifest, found ${mediaType}`)
  // A document that is a manifest and an index at once reads differently in every client (CVE-2021-41190).
  if (json['manifests'] !== undefined) throw verificationFailure('manifest has both layers and manifests')
  checkAnnotations(json['annotations'], 'manifest: annotations')
  return {
    ...(json as unknown as Manifest),
    mediaType,
    config: requireDescriptor(json['config'], 'manifest: config'),
    // Go writes null for a list without entries, and most engines are written in it.
    layers: json['layers'] === null ? [] : requireDescriptors(json['layers'], 'manifest: layers'),
  }
}

/**
 * An index from its bytes.
 * @throws {Failure} verification, naming the field that is wrong.
 */
export const parseIndex = (bytes: Uint8Array): Index => {
  const json = parseJson(bytes, 'index')
  const mediaType = detectMediaType(json)
  if (!isIndexType(mediaType)) throw verificationFailure(`expected an index, found ${mediaType}`)
  if (json['layers'] !== undefined || json['config'] !== undefined)
    throw verificationFailure('index has both manifests and layers')
  checkAnnotations(json['annotations'], 'index: annotations')
  return {
    ...(json as unknown as Index),
    mediaType,
    manifests: requireDescriptors(json['manifests'], 'index: manifests'),
  }
}

/**
 * An image config from its bytes.
 * @throws {Failure} verification, when os, architecture or rootfs is missing.
 */
export const parseImageConfig = (bytes: Uint8Array): ImageConfig => {
  const json = parseJson(bytes, 'config')
  checkPlatform(json, 'config:')
  const rootfs = json['rootfs']
  // A list without entries, which Go writes as null here too, or leaves out.
  const diffIds = isRecord(rootfs) ? (rootfs['diff_ids'] ?? []) : undefined
  if (!Array.isArray(diffIds) || !diffIds.every(isDigest))
    throw verificationFailure('config: rootfs.diff_ids is not a list of digests')
  return { ...json, rootfs: { ...(rootfs as Json), diff_ids: diffIds } } as unknown as ImageConfig
}

/** The platform that a config states, normalised, with os.version and os.features where it has them. */
export const platformOf = (config: ImageConfig): Platform =>
  normalisePlatform({
    os: config.os,
    architecture: config.architecture,
    ...(config.variant === undefined || config.variant === '' ? {} : { variant: config.variant }),
    ...(config['os.version'] === undefined ? {} : { 'os.version': config['os.version'] }),
    ...(config['os.features'] === undefined ? {} : { 'os.features': config['os.features'] }),
  })

/** A manifest as the list of referrers has it: with the type and annotations of its own (distribution-spec, listing referrers). */
export const describeReferrer = (manifest: Index | Manifest, { mediaType, digest, size }: Descriptor): Descriptor => {
  const artifactType = manifest.artifactType ?? ('config' in manifest ? manifest.config.mediaType : undefined)
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(manifest.annotations === undefined ? {} : { annotations: manifest.annotations }),
  }
}

/** BuildKit's marker on index entries that attest to another entry: such an entry is no platform. */
export const attestationAnnotation = 'vnd.docker.reference.type'
export const attestedDigestAnnotation = 'vnd.docker.reference.digest'

/** Whether an index entry is an attestation manifest (provenance, SBOM) rather than an image. */
export const isAttestation = (descriptor: Descriptor): boolean =>
  descriptor.annotations?.[attestationAnnotation] === 'attestation-manifest'
