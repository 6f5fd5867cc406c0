// Takes a blob over from another repository of the same registry.
import type { Descriptor, Repository } from '@polyarch/oci'
import type { Source } from './download.ts'
import { headerOf } from './errors.ts'
import { resolveLocation } from './location.ts'
import { hasBlob, noteBlob, readScope, writeScope } from './registry-host.ts'
import { cancelUpload, isMountRefused } from './upload.ts'

/** Whether the registry took the blob over from its other repository. */
export const mountBlob = async (
  { host, repository }: Source,
  { digest }: Descriptor,
  from: Repository,
): Promise<boolean> => {
  if (from.host !== host.name) return false
  if (hasBlob(host, digest, repository) || from.name === repository) return hasBlob(host, digest, repository)
  try {
    const response = await host.call({
      method: 'POST',
      repository,
      target: `blobs/uploads/?${new URLSearchParams({ mount: digest, from: from.name }).toString()}`,
      scopes: [writeScope(repository), readScope(from.name)],
      accept: [201, 202],
      notFound: 'BLOB_UNKNOWN',
    })
    if (response.status === 201) {
      noteBlob(host, digest, repository)
      return true
    }
    const upload = resolveLocation(
      headerOf(response, 'location'),
      { method: 'POST', url: response.url },
      host.isInsecure,
    )
    await cancelUpload(host, repository, upload)
    return false
  } catch (error) {
    // No access to the other repository is no reason to fail: the blob is uploaded, and that says what is wrong here.
    if (isMountRefused(error)) return false
    throw error
  }
}
