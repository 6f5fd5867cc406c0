// The Store interface: content by digest, tags on manifests; a registry repository and a layout directory alike.
import type { Digest } from './digest.ts'
import { Failure, type FailureKind } from './failure.ts'
import type { ManifestContent } from './image-index.ts'
import type { Descriptor } from './manifest.ts'
import type { Repository } from './reference.ts'

/** The distribution spec's error codes, with what a transport adds to them. */
export type StoreErrorCode =
  | 'BLOB_UNKNOWN'
  | 'BLOB_UPLOAD_INVALID'
  | 'BLOB_UPLOAD_UNKNOWN'
  | 'DIGEST_INVALID'
  | 'MANIFEST_BLOB_UNKNOWN'
  | 'MANIFEST_INVALID'
  | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID'
  | 'NAME_UNKNOWN'
  | 'SIZE_INVALID'
  | 'TAG_INVALID'
  | 'UNAUTHORIZED'
  | 'DENIED'
  | 'UNSUPPORTED'
  | 'TOOMANYREQUESTS'
  /** The server could not be reached or broke the connection. */
  | 'UNREACHABLE'
  /** The server answered something that is none of the above. */
  | 'UNKNOWN'

/** The request that was answered with an error; the URL carries no credentials. */
export interface StoreRequest {
  readonly method: string
  readonly url: string
  readonly status?: number
}

const kindOf = (code: StoreErrorCode): FailureKind => {
  switch (code) {
    case 'UNAUTHORIZED':
    case 'DENIED':
      return 'denied'
    case 'DIGEST_INVALID':
    case 'SIZE_INVALID':
    case 'MANIFEST_INVALID':
      return 'verification'
    default:
      return 'registry'
  }
}

/** A store's refusal: branch on `code`, never on the message. */
export class StoreError extends Failure {
  override readonly name = 'StoreError'
  readonly code: StoreErrorCode
  readonly request: StoreRequest | undefined
  /** With MANIFEST_BLOB_UNKNOWN: the blobs and manifests that the store says it lacks; empty where it does not say. */
  readonly missing: readonly Digest[]

  constructor(
    code: StoreErrorCode,
    message: string,
    options: ErrorOptions & { readonly request?: StoreRequest; readonly missing?: readonly Digest[] } = {},
  ) {
    const { request } = options
    const place = request ? `${request.method} ${request.url}: ${request.status ?? 'no answer'} ` : ''
    super(kindOf(code), `${place}${code}: ${message}`, options)
    this.code = code
    this.request = request
    this.missing = options.missing ?? []
  }
}

/** Whether the error is a store's, with one of these codes. */
export const isStoreError = (error: unknown, ...codes: StoreErrorCode[]): error is StoreError =>
  error instanceof StoreError && (codes.length === 0 || codes.includes(error.code))

/**
 * A blob's bytes, to be read from any offset and more than once: an upload that breaks off goes on from there.
 * A chunk is good until the next one is asked for: then its memory may hold other bytes.
 */
export interface BlobContent {
  /** Where the bytes come from, for error messages: a file's path or a store's location. */
  readonly origin: string
  open(start?: number): AsyncIterable<Uint8Array>
}

/** Told of each step that bytes make: `bytes` more of the blob went through. */
export type OnBytes = (digest: Digest, bytes: number) => void

/** How a blob came into a store: `present` was there already. */
export type BlobArrival = 'uploaded' | 'mounted' | 'present'

export interface PushBlobOptions {
  /** Told of all bytes of the blob, also where none of them moves. */
  readonly onBytes?: OnBytes | undefined
  /** Repositories that may have the blob: of the store's own host it is mounted instead of uploaded. */
  readonly mountFrom?: readonly Repository[] | undefined
  /** Repositories that have the blob: as `mountFrom`, but asked at once, where of others only a few are asked at first. */
  readonly heldBy?: readonly Repository[] | undefined
  /** It is not known that the store lacks the blob: where it cannot be mounted, it is looked up before it is uploaded. */
  readonly mayBePresent?: boolean | undefined
}

/** Reads content; everything that arrives is checked against its digest and size. */
export interface StoreReader {
  /** How a user names this store: HOST/NAME or oci:DIR. */
  readonly location: string

  /**
   * The descriptor of the manifest behind a tag or digest, without its content.
   * @throws {StoreError} MANIFEST_UNKNOWN or NAME_UNKNOWN when there is none.
   */
  resolveManifest(reference: string): Promise<Descriptor>

  /**
   * The manifest behind a tag or digest; its digest is computed from the bytes.
   * @throws {StoreError} MANIFEST_UNKNOWN or NAME_UNKNOWN when there is none; DIGEST_INVALID when the bytes are others.
   */
  getManifest(reference: string): Promise<ManifestContent>

  /**
   * Whether the blob is there: its size in bytes, or undefined.
   */
  resolveBlob(digest: Digest): Promise<number | undefined>

  /**
   * The blob's bytes from `start` on. Read from the beginning to the end they are checked:
   * the last step throws when digest or size differ.
   * @throws {StoreError} BLOB_UNKNOWN when it is not there; DIGEST_INVALID or SIZE_INVALID when it is another.
   */
  getBlob(descriptor: Descriptor, start?: number): AsyncIterable<Uint8Array>

  /**
   * The blob's bytes for a writer that checks them itself, where that is cheaper than `getBlob`: only their number is
   * held against the descriptor, and a chunk is good until the next one is asked for.
   * @throws {StoreError} BLOB_UNKNOWN when it is not there; SIZE_INVALID when it has another size.
   */
  lendBlob?(descriptor: Descriptor, start?: number): AsyncIterable<Uint8Array>

  /**
   * The bytes of a blob whose size is not known, such as the config of an image whose manifest is not read yet.
   * @throws {StoreError} BLOB_UNKNOWN when it is not there; DIGEST_INVALID when it is another; SIZE_INVALID when it has
   * more than `limit` bytes.
   */
  getSmallBlob(digest: Digest, limit: number): Promise<Uint8Array>

  /** The tags, in the store's order; none for a repository that does not exist yet. */
  listTags(): Promise<readonly string[]>

  /** The manifests whose subject is this digest, by the referrers API or its fallback tag. */
  listReferrers(digest: Digest): Promise<readonly Descriptor[]>
}

/** Writes content; a manifest becomes visible only when it is whole. */
export interface StoreWriter {
  /**
   * Mounts or uploads the blob, and says which; the store checks the digest of what is uploaded.
   * @throws {StoreError} DIGEST_INVALID naming the content's origin when its bytes are not the digest's.
   */
  pushBlob(descriptor: Descriptor, content: BlobContent, options?: PushBlobOptions): Promise<BlobArrival>

  /**
   * Stores the manifest under its digest and, where given, moves the tag to it.
   * @throws {StoreError} MANIFEST_BLOB_UNKNOWN when content that it names is missing, listing it where the store does.
   */
  pushManifest(content: ManifestContent, tag?: string): Promise<void>

  /**
   * Stores the manifest under each of the references, its digest or tags, in this order, and gives what each of them
   * reads back as; undefined where nothing is there. One round trip where the store can do that.
   * `onPlaced` is told of each reference as it is in place.
   * @throws {StoreError} for the first reference that is refused; those behind it may be in place all the same.
   */
  placeManifest(
    content: ManifestContent,
    references: readonly string[],
    onPlaced?: (reference: string) => void,
  ): Promise<readonly (Descriptor | undefined)[]>

  /**
   * Removes a tag or, given a digest, the manifest itself.
   * @throws {StoreError} MANIFEST_UNKNOWN when it is not there; UNSUPPORTED where the store does not delete.
   */
  deleteManifest(reference: string): Promise<void>
}

export interface Store extends StoreReader, StoreWriter {
  /**
   * Whether this store is known to refuse a manifest whose content is missing. Only then does an accepted manifest
   * prove that its blobs are there; where it is not known they are looked up.
   */
  readonly refusesMissingContent: boolean

  /**
   * Whether the manifest is listed, and all that it names is there in the right size, its children's content too. Only
   * a store has this whose content others may damage, and that can tell so cheaply: a directory.
   */
  holdsWhole?(manifest: Descriptor): Promise<boolean>
}
