// A fake registry in memory that keeps the spec, except where a quirk of single registries is switched on.
import { createHash, randomUUID } from 'node:crypto'
import type { QuirkName } from '../quirks.ts'
import type { FakeOutcome, FakeReply, FakeRequest, FakeScript } from './fake-server.ts'

interface Manifest {
  readonly bytes: Buffer
  readonly type: string
}

interface Repository {
  readonly blobs: Map<string, Buffer>
  readonly manifests: Map<string, Manifest>
  readonly tags: Map<string, string>
  readonly uploads: Map<string, Buffer>
}

interface Wire {
  readonly mediaType?: string
  readonly artifactType?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly subject?: { readonly digest: string }
  readonly config?: { readonly digest: string; readonly mediaType: string }
  readonly layers?: readonly { readonly digest: string }[]
  readonly manifests?: readonly { readonly digest: string }[]
}

/** One request to one repository. */
interface Exchange {
  readonly repository: Repository
  readonly name: string
  readonly request: Omit<FakeRequest, 'body'>
  /** What stands behind `manifests/`, `blobs/` and so on. */
  readonly target: string
  readonly query: URLSearchParams
}

type Handler = (exchange: Exchange) => FakeOutcome | ((request: FakeRequest) => FakeReply)

export interface FakeRegistrySettings {
  readonly quirks?: readonly QuirkName[]
  /** What `smallest chunk` asks for. */
  readonly chunkMinLength?: number
  /** The most bytes of a manifest. */
  readonly manifestLimit?: number
  /** What the registry says to a tag that exists, under `immutable tags`. */
  readonly immutableReply?: FakeReply
}

const refuse = (status: number, code: string, detail: unknown = {}): FakeReply => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ errors: [{ code, message: code.toLowerCase().replaceAll('_', ' '), detail }] }),
})

const digestAs = (pattern: string, bytes: Buffer): string => {
  const algorithm = pattern.startsWith('sha512:') ? 'sha512' : 'sha256'
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`
}

const ociIndex = 'application/vnd.oci.image.index.v1+json'

const parse = (bytes: Buffer): Wire | undefined => {
  try {
    const value: unknown = JSON.parse(bytes.toString())
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The script of a registry; what is pushed to it stays as long as the script does. */
export const createFakeRegistry = (settings: FakeRegistrySettings = {}): FakeScript => {
  const has = (quirk: QuirkName): boolean => settings.quirks?.includes(quirk) ?? false
  const repositories = new Map<string, Repository>()
  const openRepository = (name: string): Repository => {
    const repository = repositories.get(name) ?? {
      blobs: new Map(),
      manifests: new Map(),
      tags: new Map(),
      uploads: new Map(),
    }
    repositories.set(name, repository)
    return repository
  }

  const uploadReply = (exchange: Exchange, id: string, status: number): FakeReply => {
    const { name, request, repository } = exchange
    const bytes = repository.uploads.get(id) ?? Buffer.alloc(0)
    const path = has('relative Location') ? `/uploads-of/${name}/${id}` : `/v2/${name}/blobs/uploads/${id}`
    const query = has('Location with a query') ? `?_state=${bytes.length}%2F${id}` : ''
    const origin = has('relative Location') ? '' : `http://${request.headers.host}`
    const rangeEnd = Math.max(0, bytes.length - 1)
    return {
      status,
      headers: {
        location: `${origin}${path}${query}`,
        ...(bytes.length > 0 || has('empty upload has Range 0-0') ? { range: `0-${rangeEnd}` } : {}),
        ...(has('smallest chunk') ? { 'oci-chunk-min-length': String(settings.chunkMinLength ?? 65_536) } : {}),
      },
    }
  }

  const store = (repository: Repository, digest: string, bytes: Buffer): FakeReply => {
    if (digestAs(digest, bytes) !== digest) return refuse(400, 'DIGEST_INVALID')
    repository.blobs.set(digest, bytes)
    return { status: 201, headers: { location: `/blobs/${digest}` } }
  }

  const openUpload: Handler = (exchange) => {
    const { repository, query } = exchange
    const digest = query.get('digest')
    if (digest !== null && has('single POST takes the blob')) return ({ body }) => store(repository, digest, body)
    const mount = query.get('mount')
    const from = query.get('from')
    if (mount !== null && from === null && has('mount needs from')) return { status: 500 }
    if (mount !== null && has('mount refused')) return refuse(401, 'UNAUTHORIZED')
    const blob = from === null ? undefined : repositories.get(from)?.blobs.get(mount ?? '')
    if (mount !== null && blob !== undefined && !has('mount answered with an upload')) {
      repository.blobs.set(mount, blob)
      return { status: 201, headers: { location: `/blobs/${mount}` } }
    }
    const id = randomUUID()
    repository.uploads.set(id, Buffer.alloc(0))
    return () => uploadReply(exchange, id, 202)
  }

  const continueUpload = (exchange: Exchange, id: string): ReturnType<Handler> => {
    const { repository, request, query } = exchange
    const bytes = repository.uploads.get(id)
    if (bytes === undefined) return refuse(404, 'BLOB_UPLOAD_UNKNOWN')
    const state = query.get('_state')
    if (has('Location with a query') && request.method !== 'GET' && state !== `${bytes.length}/${id}`)
      return () => refuse(400, 'BLOB_UPLOAD_INVALID')
    if (request.method === 'GET') return uploadReply(exchange, id, 204)
    if (request.method === 'DELETE') {
      repository.uploads.delete(id)
      return { status: 204 }
    }
    const range = /^(\d+)-(\d+)$/.exec(request.headers['content-range'] ?? '')
    const isWhole = request.method === 'PUT' && bytes.length === 0
    if (range === null ? !isWhole && request.method === 'PATCH' : Number(range[1]) !== bytes.length)
      return () => ({ ...uploadReply(exchange, id, 416) })
    if (isWhole && range !== null && has('no Content-Range of whole blobs'))
      return () => refuse(400, 'BLOB_UPLOAD_INVALID')
    return ({ body }) => {
      const whole = Buffer.concat([bytes, body])
      if (request.method === 'PATCH') {
        const tooShort = body.length < (settings.chunkMinLength ?? 0)
        if (tooShort) return { status: 416 }
        // ECR takes chunks after the first without a word, and drops them.
        if (!has('no chunks') || bytes.length === 0) repository.uploads.set(id, whole)
        return uploadReply(exchange, id, has('no chunks') ? 201 : 202)
      }
      repository.uploads.delete(id)
      return store(repository, query.get('digest') ?? '', whole)
    }
  }

  const readBlob: Handler = ({ repository, target, request, query }) => {
    const blob = repository.blobs.get(target)
    if (blob === undefined) return refuse(404, 'BLOB_UNKNOWN')
    if (has('content by redirect') && !query.has('signed')) {
      const port = request.headers.host?.split(':')[1] ?? ''
      return { status: 307, headers: { location: `http://localhost:${port}${request.path}?signed=1` } }
    }
    const start = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1]
    if (start === undefined) return { status: 200, body: blob }
    const from = Number(start)
    return {
      status: 206,
      headers: { 'content-range': `bytes ${from}-${blob.length - 1}/${blob.length}` },
      body: blob.subarray(from),
    }
  }

  const isReachable = (repository: Repository, digest: string): boolean => {
    const roots = [...repository.tags.values()]
    const seen = new Set<string>()
    for (let root = roots.pop(); root !== undefined; root = roots.pop()) {
      if (root === digest) return true
      if (seen.has(root)) continue
      seen.add(root)
      const wire = parse(repository.manifests.get(root)?.bytes ?? Buffer.alloc(0))
      roots.push(...(wire?.manifests ?? []).map((child) => child.digest))
      if (wire?.subject) roots.push(wire.subject.digest)
    }
    return false
  }

  const readManifest: Handler = ({ repository, target, request }) => {
    const digest = repository.tags.get(target) ?? target
    const manifest = repository.manifests.get(digest)
    if (request.method === 'HEAD' && has('no HEAD of manifests')) return { status: 405 }
    if (manifest === undefined || (has('untagged manifests collected') && !isReachable(repository, digest)))
      return refuse(404, 'MANIFEST_UNKNOWN')
    if (has('HEAD needs Accept') && !request.headers.accept?.includes(manifest.type))
      return refuse(404, 'MANIFEST_UNKNOWN')
    return {
      status: 200,
      headers: {
        'content-type': manifest.type,
        ...(has('no Docker-Content-Digest') ? {} : { 'docker-content-digest': digest }),
      },
      body: manifest.bytes,
    }
  }

  const putManifest = ({ repository, target, request }: Exchange, bytes: Buffer): FakeReply => {
    if (bytes.length > (settings.manifestLimit ?? Number.POSITIVE_INFINITY)) return { status: 413 }
    const wire = parse(bytes)
    if (wire === undefined) return refuse(400, 'MANIFEST_INVALID')
    const isDigest = target.includes(':')
    const digest = isDigest ? target : digestAs('sha256', bytes)
    if (digestAs(digest, bytes) !== digest) return refuse(400, 'DIGEST_INVALID')
    const blobs = [...(wire.config ? [wire.config] : []), ...(wire.layers ?? [])]
    const missing = [
      ...blobs.filter((blob) => !repository.blobs.has(blob.digest)),
      ...(wire.manifests ?? []).filter((child) => !repository.manifests.has(child.digest)),
    ]
    if (missing.length > 0 && !has('missing content accepted'))
      return {
        status: 400,
        body: JSON.stringify({
          errors: missing.map((content) => ({ code: 'MANIFEST_BLOB_UNKNOWN', detail: { digest: content.digest } })),
        }),
      }
    if (!isDigest && repository.tags.has(target) && has('immutable tags'))
      return settings.immutableReply ?? refuse(400, 'TAG_INVALID')
    repository.manifests.set(digest, { bytes, type: request.headers['content-type'] ?? '' })
    if (!isDigest) repository.tags.set(target, digest)
    const notesSubject = wire.subject !== undefined && !has('no referrers API')
    return {
      status: 201,
      headers: {
        location: `/manifests/${digest}`,
        ...(has('no Docker-Content-Digest') ? {} : { 'docker-content-digest': digest }),
        ...(notesSubject ? { 'oci-subject': wire.subject?.digest ?? '' } : {}),
      },
    }
  }

  const deleteManifest: Handler = ({ repository, target }) => {
    if (!target.includes(':')) {
      if (has('tags are not deleted')) return refuse(405, 'UNSUPPORTED')
      return repository.tags.delete(target) ? { status: 202 } : refuse(404, 'MANIFEST_UNKNOWN')
    }
    if (!repository.manifests.delete(target)) return refuse(404, 'MANIFEST_UNKNOWN')
    for (const [tag, digest] of repository.tags) if (digest === target) repository.tags.delete(tag)
    return { status: 202 }
  }

  const listTags: Handler = ({ repository, name, query }) => {
    const tags = [...repository.tags.keys()].sort()
    if (has('no tags, no list') && tags.length === 0) return refuse(404, 'NAME_UNKNOWN')
    if (!has('tags in pages')) return { status: 200, body: JSON.stringify({ name, tags }) }
    if (query.has('n')) return refuse(400, 'UNSUPPORTED')
    const rest = tags.filter((tag) => tag > (query.get('last') ?? ''))
    const page = rest.slice(0, 2)
    const next = `</v2/${name}/tags/list?last=${page.at(-1)}>; rel="next"`
    return {
      status: 200,
      headers: rest.length > page.length ? { link: next } : {},
      body: JSON.stringify({ name, tags: page }),
    }
  }

  const listReferrers: Handler = ({ repository, target }) => {
    if (has('no referrers API')) return { status: 404 }
    const manifests = [...repository.manifests].flatMap(([digest, { bytes, type }]) => {
      const wire = parse(bytes)
      if (wire?.subject?.digest !== target) return []
      const artifactType = wire.artifactType ?? wire.config?.mediaType
      return [{ mediaType: type, digest, size: bytes.length, artifactType, annotations: wire.annotations }]
    })
    const body = JSON.stringify({ schemaVersion: 2, mediaType: ociIndex, manifests })
    return { status: 200, headers: { 'content-type': ociIndex }, body }
  }

  const handle = (kind: string, exchange: Exchange): ReturnType<Handler> => {
    const { request, target } = exchange
    if (kind === 'tags') return listTags(exchange)
    if (kind === 'referrers') return listReferrers(exchange)
    if (kind === 'manifests') {
      if (request.method === 'PUT') return ({ body }) => putManifest(exchange, body)
      return request.method === 'DELETE' ? deleteManifest(exchange) : readManifest(exchange)
    }
    if (!target.startsWith('uploads/')) return readBlob(exchange)
    const id = target.slice('uploads/'.length)
    return id === '' ? openUpload(exchange) : continueUpload(exchange, id)
  }

  return (request) => {
    const { pathname, searchParams: query } = new URL(request.path, 'http://fake')
    const elsewhere = /^\/uploads-of\/(.+)\/([^/]+)$/.exec(pathname)
    const known = /^\/v2\/(.+?)\/(manifests|blobs|tags|referrers)\/(.*)$/.exec(pathname)
    const name = elsewhere?.[1] ?? known?.[1]
    if (name === undefined) return { status: 404 }
    const repository = openRepository(name)
    const exchange = { repository, name, request, query, target: known?.[3] ?? `uploads/${elsewhere?.[2]}` }
    return handle(known?.[2] ?? 'blobs', exchange)
  }
}
