// A registry on this machine's loopback that gives an engine the images to extend: read-only, by digest, and gone with the step.
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  blobsOf,
  type Descriptor,
  type Digest,
  isDigest,
  type ManifestContent,
  type Reference,
  type StoreReader,
} from '@polyarch/oci'

export interface ServedImages extends AsyncDisposable {
  /** Gives out the image of this digest from now on; the reference is how an engine names it. */
  offer(store: StoreReader, manifest: Digest): Promise<Reference & { readonly digest: Digest }>
}

/** The only repository that there is. */
const repository = 'base'

interface OfferedBlob {
  readonly descriptor: Descriptor
  readonly store: StoreReader
}

const pathPattern = new RegExp(`^/v2/${repository}/(manifests|blobs)/([^/?]+)(?:\\?.*)?$`)

const refuse = (response: ServerResponse, status: number, code: string): void => {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(
    JSON.stringify({ errors: [{ code, message: 'this registry only gives out the image that is extended' }] }),
  )
}

/**
 * Starts the registry on a free port. An engine reads from it without a login; what is not offered is not there, and
 * nothing can be listed or written.
 */
export const serveImages = async (onError: (error: Error) => void): Promise<ServedImages> => {
  const manifests = new Map<Digest, ManifestContent>()
  const blobs = new Map<Digest, OfferedBlob>()

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'UNSUPPORTED')
    if (/^\/v2\/?$/.test(request.url ?? '')) {
      response.writeHead(200, { 'content-type': 'application/json', 'docker-distribution-api-version': 'registry/2.0' })
      response.end(request.method === 'HEAD' ? undefined : '{}')
      return
    }
    const [, kind, digest = ''] = pathPattern.exec(request.url ?? '') ?? []
    if (kind === undefined || !isDigest(digest)) return refuse(response, 404, 'NAME_UNKNOWN')
    const manifest = kind === 'manifests' ? manifests.get(digest) : undefined
    const blob = kind === 'blobs' ? blobs.get(digest) : undefined
    const descriptor = manifest?.descriptor ?? blob?.descriptor
    if (descriptor === undefined) return refuse(response, 404, kind === 'blobs' ? 'BLOB_UNKNOWN' : 'MANIFEST_UNKNOWN')
    response.writeHead(200, {
      'content-type': kind === 'blobs' ? 'application/octet-stream' : descriptor.mediaType,
      'content-length': descriptor.size,
      'docker-content-digest': digest,
    })
    if (request.method === 'HEAD') response.end()
    else if (manifest !== undefined) response.end(manifest.bytes)
    else if (blob !== undefined) await pipeline(Readable.from(blob.store.getBlob(blob.descriptor)), response)
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: NodeJS.ErrnoException) => {
      // The engine sees a connection that broke; why it did, only this side knows.
      if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') onError(error)
      response.destroy()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    offer: async (store, digest) => {
      const manifest = await store.getManifest(digest)
      manifests.set(digest, manifest)
      for (const descriptor of blobsOf(manifest)) blobs.set(descriptor.digest, { descriptor, store })
      return { host: `127.0.0.1:${port}`, name: repository, digest }
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
