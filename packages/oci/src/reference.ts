// References: HOST[:PORT]/NAME[:TAG][@DIGEST], and the locations of stores (distribution's reference grammar).
import { type Digest, isDigest } from './digest.ts'
import { inputFailure } from './failure.ts'

/** A repository of a registry: `host` is HOST[:PORT] as the user wrote it. */
export interface Repository {
  readonly host: string
  readonly name: string
}

/** A repository with at least one of tag and digest where it names content. */
export interface Reference extends Repository {
  readonly tag?: string
  readonly digest?: Digest
}

/** Where content lives: a registry repository, or an OCI image layout directory on disk. */
export type StoreLocation =
  | { readonly kind: 'registry'; readonly repository: Repository }
  | { readonly kind: 'layout'; readonly directory: string }

/** A store with the tag or digest that is meant in it. */
export interface ContentLocation {
  readonly store: StoreLocation
  readonly tag?: string
  readonly digest?: Digest
}

const hostPattern =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/
const component = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*'
const namePattern = new RegExp(`^${component}(?:/${component})*$`)
const tagPattern = /^\w[\w.-]{0,127}$/

/** Whether the text can be a tag (distribution-spec: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`). */
export const isTag = (text: string): boolean => tagPattern.test(text)

/** Whether the text can be a repository's name below its host; 255 characters with the host at most. */
export const isRepositoryName = (text: string): boolean => text.length <= 255 && namePattern.test(text)

const looksLikeHost = (text: string): boolean => /[.:]/.test(text) || text === 'localhost'

const splitReference = (text: string): { path: string; tag?: string; digest?: string } => {
  // A directory of oci:DIR may have an @ in its path.
  const at = text.indexOf('@', text.lastIndexOf('/') + 1)
  const beforeDigest = at === -1 ? text : text.slice(0, at)
  const colon = beforeDigest.lastIndexOf(':')
  const hasTag = colon > beforeDigest.lastIndexOf('/')
  return {
    path: hasTag ? beforeDigest.slice(0, colon) : beforeDigest,
    ...(hasTag ? { tag: beforeDigest.slice(colon + 1) } : {}),
    ...(at === -1 ? {} : { digest: text.slice(at + 1) }),
  }
}

const refuse = (text: string, why: string): never => {
  throw inputFailure(`invalid reference "${text}": ${why}`)
}

/**
 * The reference that HOST[:PORT]/NAME[:TAG][@DIGEST] names; the host is never guessed.
 * @throws {Failure} input, saying which part is wrong.
 */
export const parseReference = (text: string): Reference => {
  const { path, tag, digest } = splitReference(text.trim())
  const slash = path.indexOf('/')
  const host = path.slice(0, Math.max(slash, 0))
  const name = path.slice(slash + 1)
  if (slash <= 0 || !looksLikeHost(host) || !hostPattern.test(host))
    return refuse(text, 'expected HOST[:PORT]/NAME, for example ghcr.io/acme/web')
  // Ports above 65535, and addresses that only look like one.
  if (!URL.canParse(`https://${host}`)) return refuse(text, `"${host}" can be no host`)
  if (!isRepositoryName(name))
    return refuse(text, `"${name}" is not a repository name (lower-case letters, digits and single separators)`)
  if (tag !== undefined && !isTag(tag)) return refuse(text, `"${tag}" is not a tag`)
  if (digest !== undefined && !isDigest(digest)) return refuse(text, `"${digest}" is not a digest`)
  return { host, name, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) }
}

/**
 * A reference as a Dockerfile's FROM writes it: without a host it is Docker Hub's, without a slash an official image.
 * @throws {Failure} input, saying which part is wrong.
 */
export const parseFamiliarReference = (text: string): Reference => {
  const { path } = splitReference(text.trim())
  const slash = path.indexOf('/')
  if (slash > 0 && looksLikeHost(path.slice(0, slash))) return parseReference(text)
  return parseReference(slash === -1 ? `docker.io/library/${text.trim()}` : `docker.io/${text.trim()}`)
}

/** HOST/NAME, without tag and digest. */
export const formatRepository = ({ host, name }: Repository): string => `${host}/${name}`

export const formatReference = (reference: Reference): string =>
  formatRepository(reference) +
  (reference.tag === undefined ? '' : `:${reference.tag}`) +
  (reference.digest === undefined ? '' : `@${reference.digest}`)

/**
 * The store that `HOST[:PORT]/NAME` or `oci:DIR` names.
 * @throws {Failure} input, for a tag or digest too, since a store has neither.
 */
export const parseStoreLocation = (text: string): StoreLocation => {
  const trimmed = text.trim()
  if (trimmed.startsWith('oci:')) {
    const directory = trimmed.slice('oci:'.length)
    if (directory === '') throw inputFailure(`invalid store "${text}": expected oci:DIR`)
    return { kind: 'layout', directory }
  }
  const { tag, digest, ...repository } = parseReference(trimmed)
  if (tag !== undefined || digest !== undefined)
    throw inputFailure(`invalid store "${text}": expected a repository without tag or digest`)
  return { kind: 'registry', repository }
}

export const formatStoreLocation = (location: StoreLocation): string =>
  location.kind === 'layout' ? `oci:${location.directory}` : formatRepository(location.repository)

/**
 * Content in a store: HOST/NAME:TAG, HOST/NAME@DIGEST, oci:DIR:TAG or oci:DIR@DIGEST.
 * @throws {Failure} input, when it names neither tag nor digest, or either is malformed.
 */
export const parseContentLocation = (text: string): ContentLocation => {
  const trimmed = text.trim()
  const scheme = trimmed.startsWith('oci:') ? 'oci:' : ''
  const { path, tag, digest } = splitReference(trimmed.slice(scheme.length))
  if (tag === undefined && digest === undefined) throw inputFailure(`"${text}" names no content: add :TAG or @DIGEST`)
  if (tag !== undefined && !isTag(tag)) throw inputFailure(`invalid reference "${text}": "${tag}" is not a tag`)
  if (digest !== undefined && !isDigest(digest))
    throw inputFailure(`invalid reference "${text}": "${digest}" is not a digest`)
  return {
    store: parseStoreLocation(scheme + path),
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  }
}

/** Whether the host is this machine: such registries speak plain HTTP without being asked. */
export const isLoopback = (host: string): boolean => {
  const name = host.replace(/:\d+$/, '')
  return name === 'localhost' || name.endsWith('.localhost') || name === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(name)
}

/** The first location's repository, where blobs can be mounted from it into the second's: it is another one of the same host. */
export const mountable = (from: StoreLocation, to: StoreLocation): readonly Repository[] => {
  if (from.kind !== 'registry' || to.kind !== 'registry') return []
  const [source, destination] = [from.repository, to.repository]
  return source.host === destination.host && source.name !== destination.name ? [source] : []
}
