// Referrers on registries with the API, without it, and with half of it.
import { buildIndex, type Descriptor, digestOf, hexOf, mediaTypes } from '@polyarch/oci'
import { sampleImage } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'
import { type FakeScript, startFakeServer } from './testing/fake-server.ts'
import { openTestClient } from './testing/samples.ts'

const subject: Descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(Buffer.from('subject')), size: 7 }
const fallbackTag = `sha256-${hexOf(subject.digest)}`
const refer = (note: string) => sampleImage({ os: 'unknown', architecture: 'unknown' }, [note], { subject })
const [first, second] = [refer('first'), refer('second')]

/** The index as the API and the fallback tag answer with it. */
const listing = (...referrers: readonly (typeof first)[]) => {
  const { bytes } = buildIndex(
    referrers.map(({ manifest: { descriptor } }) => {
      const { mediaType, digest, size } = descriptor
      return { mediaType, digest, size }
    }),
  )
  return { status: 200, headers: { 'content-type': mediaTypes.ociIndex }, body: bytes }
}
const accepted = (extra: Readonly<Record<string, string>> = {}) => ({ status: 201, headers: extra })
const digestsOf = (found: readonly Descriptor[]) => found.map(({ digest }) => digest)

describe('the referrers API', () => {
  test('is read page by page', async () => {
    const script: FakeScript = ({ path }) => {
      if (!path.startsWith(`/v2/acme/web/referrers/${subject.digest}`)) return { status: 404 }
      if (path.includes('last=1')) return listing(second)
      const page = listing(first)
      return {
        ...page,
        headers: { ...page.headers, link: `</v2/acme/web/referrers/${subject.digest}?last=1>; rel="next"` },
      }
    }
    await using server = await startFakeServer(script)
    await using client = openTestClient()
    const found = await client.open(server.host).listReferrers(subject.digest)
    expect(digestsOf(found)).toEqual([first.manifest.descriptor.digest, second.manifest.descriptor.digest])
  })

  test('ends where a page leads back to itself', async () => {
    const path = `/v2/acme/web/referrers/${subject.digest}`
    await using server = await startFakeServer(() => {
      const page = listing(first)
      return { ...page, headers: { ...page.headers, link: `<${path}>; rel="next"` } }
    })
    await using client = openTestClient()
    expect(digestsOf(await client.open(server.host).listReferrers(subject.digest))).toHaveLength(1)
    expect(server.requests.filter(({ path: asked }) => asked === path)).toHaveLength(1)
  })

  test('that does not end is given up, in one sentence', async () => {
    let page = 0
    await using server = await startFakeServer(({ path }) => {
      page += 1
      const { headers, ...rest } = listing(...Array.from({ length: 10_000 }, () => first))
      return { ...rest, headers: { ...headers, link: `<${path.split('?')[0]}?last=${page}>; rel="next"` } }
    })
    await using client = openTestClient()
    await expect(client.open(server.host).listReferrers(subject.digest)).rejects.toThrow('the listing does not end')
    expect(server.requests.length).toBeLessThan(30)
  })

  test('that keeps the list itself is left to do so', async () => {
    await using server = await startFakeServer(() => () => accepted({ 'oci-subject': subject.digest }))
    await using client = openTestClient()
    await client.open(server.host).pushManifest(first.manifest)
    expect(server.requests.map(({ method }) => method)).toEqual(['PUT'])
  })

  test.each([400, 403, 404, 405, 501])('answered with %i, the tag that stands in for it is read', async (status) => {
    const script: FakeScript = ({ path }) => (path.endsWith(`/manifests/${fallbackTag}`) ? listing(first) : { status })
    await using server = await startFakeServer(script)
    await using client = openTestClient()
    const found = await client.open(server.host).listReferrers(subject.digest)
    expect(digestsOf(found)).toEqual([first.manifest.descriptor.digest])
  })
})

test('that the API is denied for one repository says nothing about another, nor about later', async () => {
  let isDenied = true
  await using server = await startFakeServer(({ path }) => {
    if (!path.includes('/referrers/')) return { status: 404 }
    return path.startsWith('/v2/acme/secret/') && isDenied ? { status: 403 } : listing(first)
  })
  await using client = openTestClient()
  const [open, secret] = [client.open(server.host), client.open(server.host, 'acme/secret')]
  expect(await secret.listReferrers(subject.digest)).toEqual([])
  expect(await open.listReferrers(subject.digest)).toHaveLength(1)
  isDenied = false
  expect(await secret.listReferrers(subject.digest)).toHaveLength(1)
})

test('the API that only repositories have which exist is found after the first push', async () => {
  let isThere = false
  await using server = await startFakeServer(({ method, path }) => {
    if (method === 'PUT')
      return () => {
        isThere = true
        return accepted({ 'oci-subject': subject.digest })
      }
    return isThere && path.includes('/referrers/') ? listing(first) : { status: 404 }
  })
  await using client = openTestClient()
  const store = client.open(server.host)
  expect(await store.listReferrers(subject.digest)).toEqual([])
  await store.pushManifest(first.manifest)
  expect(digestsOf(await store.listReferrers(subject.digest))).toEqual([first.manifest.descriptor.digest])
})

describe('without the API', () => {
  test('a push adds to the list that is there, also when several are pushed at once', async () => {
    let tagged: Uint8Array | undefined
    const script: FakeScript = ({ method, path }) => {
      if (path.includes('/referrers/')) return { status: 404 }
      if (!path.endsWith(fallbackTag)) return () => accepted()
      if (method === 'GET') return tagged === undefined ? { status: 404 } : { ...listing(), body: tagged }
      return ({ body }) => {
        tagged = body
        return accepted()
      }
    }
    await using server = await startFakeServer(script)
    await using client = openTestClient()
    const store = client.open(server.host)
    await Promise.all([first, second].map(({ manifest }) => store.pushManifest(manifest)))
    expect(digestsOf(await store.listReferrers(subject.digest)).toSorted()).toEqual(
      [first, second].map(({ manifest }) => manifest.descriptor.digest).toSorted(),
    )
    const writes = server.requests.filter(({ method }) => method === 'PUT').length
    await store.pushManifest(first.manifest)
    expect(server.requests.filter(({ method }) => method === 'PUT')).toHaveLength(writes + 1)
  })
})
