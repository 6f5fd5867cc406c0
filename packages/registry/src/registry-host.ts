// One registry host: where its API is, how it is logged in to, and what was learnt about it on the way.
import { type BlobArrival, type Digest, isLoopback, isStoreError } from '@polyarch/oci'
import type { Authenticator } from './authentication.ts'
import { isSchemeTrouble } from './connection-trouble.ts'
import { Refusal } from './errors.ts'
import type { Exchange, ExchangeRequest, OpenResponse, ReadResponse } from './exchange.ts'
import { apiHostOf } from './quirks.ts'
import { repositoryScope, type Scope } from './scope.ts'

export interface HostRequest extends Omit<ExchangeRequest, 'url' | 'authorizer' | 'verified' | 'place'> {
  readonly repository: string
  /** A path below /v2/REPOSITORY/, or where a Location led. */
  readonly target: string | URL
  readonly scopes: readonly Scope[]
}

/** A repository that blobs may be mounted from, and how that went so far. */
export interface MountSource {
  hasMounted: boolean
  /** A mount from it was refused: where none succeeded, the registry does not know it, show it or mount from it. */
  isRefused: boolean
  /** A mount from it that is none opens an upload, as the spec wants it. */
  opensUploads: boolean
  /** Mounts of blobs that it does not have, or that the registry uploads rather than mounts. */
  misses: number
  /** Mounts that are not answered yet; each ends without a failure. */
  readonly underWay: Set<Promise<void>>
}

/** What a host has shown of itself; unknown until it did. */
export interface HostFacts {
  /** It refuses manifests whose content is missing, and lists what is missing. */
  refusesMissingContent: boolean
  /** It takes a blob with the one request that opens an upload. */
  acceptsSinglePost: boolean | undefined
  /** It lost a chunk of an upload, and gets no more of them. */
  losesChunks: boolean
  /** As a mirror it could not be reached, and is left out. */
  isGone: boolean
  /** The repositories that each blob was pushed to or found in. */
  readonly blobs: Map<Digest, Set<string>>
  /** By the repository's name. */
  readonly mountSources: Map<string, MountSource>
}

export interface RegistryHost {
  /** As the user wrote it. */
  readonly name: string
  readonly facts: HostFacts
  /** Uploads under way, by repository and digest: whoever wants the same one waits for it. */
  readonly uploads: Map<string, Promise<BlobArrival>>
  /** Changes of one thing that must not cross, by its name: the last one that waits its turn. */
  readonly turns: Map<string, Promise<unknown>>
  readonly isInsecure: (host: string) => boolean
  open(request: HostRequest): Promise<OpenResponse>
  call(request: HostRequest): Promise<ReadResponse>
  /** @see Exchange.callInOrder */
  callInOrder(requests: readonly HostRequest[], onAnswer?: (position: number) => void): Promise<ReadResponse[]>
  readWhole: Exchange['readWhole']
  /** Repeats work on the repository that is safe to repeat, until it succeeds or the patience ends. */
  repeat<T>(repository: string, work: (attempt: number) => Promise<T>): Promise<T>
  recover: Exchange['recover']
  succeed: Exchange['succeed']
}

export interface RegistryHostSettings {
  readonly name: string
  readonly exchange: Exchange
  readonly authenticator: Authenticator
  readonly isInsecure: (host: string) => boolean
}

interface Origin {
  readonly url: URL
  readonly verified: boolean
}

/** Where the API may be, likeliest first. */
const originsOf = (name: string, insecure: boolean): readonly [Origin, ...Origin[]] => {
  const host = apiHostOf(name)
  const https = new URL(`https://${host}`)
  const http = new URL(`http://${host}`)
  if (insecure)
    return [
      { url: https, verified: false },
      { url: http, verified: true },
    ]
  if (isLoopback(host))
    return [
      { url: http, verified: true },
      { url: https, verified: true },
    ]
  return [{ url: https, verified: true }]
}

/** Whether another scheme may be the right one: the connection says so, or the answer. */
const isWrongScheme = (error: unknown): error is Refusal =>
  error instanceof Refusal &&
  (isSchemeTrouble(error.cause) ||
    // What Go's and nginx's TLS servers answer to clear text.
    (error.request?.status === 400 && /HTTP request (?:was sent )?to (?:an )?HTTPS/i.test(error.reason)))

export const createRegistryHost = (settings: RegistryHostSettings): RegistryHost => {
  const { name, exchange, authenticator, isInsecure } = settings
  const origins = originsOf(name, isInsecure(name))
  let settled: Origin | undefined = origins.length === 1 ? origins[0] : undefined
  let settling: Promise<void> | undefined

  const requestAt = (origin: Origin, request: HostRequest): ExchangeRequest => {
    const { target, repository, scopes, ...rest } = request
    const url = typeof target === 'string' ? new URL(`/v2/${repository}/${target}`, origin.url) : target
    const place = `${name}/${repository}`
    return {
      ...rest,
      url,
      place,
      verified: url.origin === origin.url.origin ? origin.verified : !isInsecure(url.host),
      authorizer: authenticator.authorizerFor(origin.url.origin, scopes, place),
    }
  }

  /** Finds out with a request which scheme the host speaks. */
  const settle = async (request: HostRequest): Promise<OpenResponse> => {
    const failures: Refusal[] = []
    for (const origin of origins) {
      try {
        const response = await exchange.open(requestAt(origin, request))
        settled = origin
        return response
      } catch (error) {
        if (!isWrongScheme(error)) {
          // Only the host itself can show which scheme it speaks, not what stands in the way to it.
          if (isStoreError(error) && error.code !== 'UNREACHABLE') settled = origin
          throw error
        }
        failures.push(error)
      }
    }
    throw failures.find(({ transient }) => transient) ?? failures[0]
  }

  const open = async (request: HostRequest): Promise<OpenResponse> => {
    // What reads may find out for itself: waiting for another request would cost a round trip.
    const isRead = request.method === 'GET' || request.method === 'HEAD'
    while (settled === undefined && settling !== undefined && !isRead) await settling
    if (settled !== undefined) return exchange.open(requestAt(settled, request))
    if (settling !== undefined) return settle(request)
    const { promise, resolve } = Promise.withResolvers<void>()
    settling = promise
    try {
      return await settle(request)
    } finally {
      settling = undefined
      resolve()
    }
  }

  const call: RegistryHost['call'] = (request) =>
    repeat(request.repository, async () => exchange.readWhole(await open(request), request.method, request.bodyLimit))

  const callInOrder: RegistryHost['callInOrder'] = async (requests, onAnswer) => {
    const [first, ...others] = requests
    if (first === undefined) return []
    const origin = settled
    if (origin !== undefined)
      return await exchange.callInOrder(
        requests.map((request) => requestAt(origin, request)),
        onAnswer,
      )
    // It also finds out which scheme the host speaks.
    const answer = await call(first)
    onAnswer?.(0)
    return [answer, ...(await callInOrder(others, onAnswer && ((position) => onAnswer(position + 1))))]
  }

  const repeat: RegistryHost['repeat'] = (repository, work) => exchange.repeat(`${name}/${repository}`, work)

  return {
    name,
    isInsecure,
    uploads: new Map(),
    turns: new Map(),
    facts: {
      refusesMissingContent: false,
      acceptsSinglePost: undefined,
      losesChunks: false,
      isGone: false,
      blobs: new Map(),
      mountSources: new Map(),
    },
    open,
    readWhole: (response, method, limit) => exchange.readWhole(response, method, limit),
    call,
    callInOrder,
    repeat,
    recover: (error, attempt, place) => exchange.recover(error, attempt, place),
    succeed: () => exchange.succeed(),
  }
}

export const readScope = (repository: string): Scope => repositoryScope(repository, 'pull')

export const writeScope = (repository: string): Scope => repositoryScope(repository, 'pull', 'push')

/** The host for a store that is written to: also what it reads of its repository, it asks for as somebody who may push. */
export const openForWriting = (host: RegistryHost): RegistryHost => {
  const widen = (request: HostRequest): HostRequest => ({
    ...request,
    scopes: [...request.scopes, writeScope(request.repository)],
  })
  return {
    ...host,
    open: (request) => host.open(widen(request)),
    call: (request) => host.call(widen(request)),
    callInOrder: (requests, onAnswer) => host.callInOrder(requests.map(widen), onAnswer),
  }
}

export const deleteScope = (repository: string): Scope => repositoryScope(repository, 'delete')

/** Remembers that the blob is in the repository. */
export const noteBlob = (host: RegistryHost, digest: Digest, repository: string): void => {
  const repositories = host.facts.blobs.get(digest) ?? new Set()
  host.facts.blobs.set(digest, repositories.add(repository))
}

/** Takes back that the blob is in the repository: the registry denies it. */
export const forgetBlob = (host: RegistryHost, digest: Digest, repository: string): void => {
  host.facts.blobs.get(digest)?.delete(repository)
}

export const hasBlob = (host: RegistryHost, digest: Digest, repository: string): boolean =>
  host.facts.blobs.get(digest)?.has(repository) ?? false

/** Does the work when all work of the same name that began before has ended, however it ended. */
export const takeTurn = async (host: RegistryHost, name: string, work: () => Promise<void>): Promise<void> => {
  const turn = Promise.allSettled([host.turns.get(name)]).then(work)
  host.turns.set(name, turn)
  await turn.finally(() => {
    if (host.turns.get(name) === turn) host.turns.delete(name)
  })
}
