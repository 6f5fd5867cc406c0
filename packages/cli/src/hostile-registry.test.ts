// What a registry says never looks like something else in a log: no line, no command and no colour of its own.
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { temporaryDirectory } from '@polyarch/parts'
import { describe, expect, test } from 'vitest'

const forged = '\n\r::error::forged\n##[error]forged\u001b[2J\u001b[32m\u202e\nsection_start:1:forged\r\u001b[0K'
const ociManifest = 'application/vnd.oci.image.manifest.v1+json'
const ociIndex = 'application/vnd.oci.image.index.v1+json'

const answering =
  (status: number, headers: Record<string, string>, body: unknown): RequestListener =>
  (asked, answer) => {
    answer.writeHead(status, headers)
    answer.end(asked.method === 'HEAD' ? undefined : typeof body === 'string' ? body : JSON.stringify(body))
  }

const registries: Readonly<Record<string, RequestListener>> = {
  'the media type of a manifest': answering(200, {}, { mediaType: forged }),
  'the digest of a child': answering(
    200,
    { 'content-type': ociIndex },
    { mediaType: ociIndex, manifests: [{ mediaType: ociManifest, digest: forged, size: 1 }] },
  ),
  'the media type of a child': answering(
    200,
    { 'content-type': ociIndex },
    { mediaType: ociIndex, manifests: [{ mediaType: forged, digest: `sha256:${'0'.repeat(64)}`, size: 1 }] },
  ),
  'JSON that is none': answering(200, { 'content-type': ociManifest }, forged),
  'an error': answering(400, {}, { errors: [{ code: forged, message: forged, detail: forged }] }),
  'where it redirects to': (asked, answer) => {
    const location = `/x?${encodeURIComponent(forged)}=1&digest=${encodeURIComponent(forged)}`
    if (asked.url?.startsWith('/v2/')) answer.writeHead(307, { location }).end()
    else answer.writeHead(403).end(forged)
  },
}

/** The log of copying from such a registry. */
const copyFrom = async (registry: RequestListener, env: Record<string, string>, flags: string[]): Promise<string> => {
  await using directory = await temporaryDirectory('hostile-registry')
  const server = createServer(registry).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const source = `127.0.0.1:${(server.address() as AddressInfo).port}/web:v1`
  const main = ['--conditions=@polyarch/source', join(import.meta.dirname, 'main.ts')]
  try {
    return await new Promise((resolve) => {
      const options = { cwd: directory.path, env: { PATH: process.env['PATH'], HOME: directory.path, ...env } }
      execFile(process.execPath, [...main, 'copy', source, 'oci:copy:v1', ...flags], options, (_, __, stderr) =>
        resolve(stderr),
      )
    })
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

describe.each(Object.entries(registries))('a registry that forges %s', (_, registry) => {
  test.each([
    ['GitLab', { GITLAB_CI: 'true' }, []],
    ['GitLab, with stacks', { GITLAB_CI: 'true' }, ['--debug']],
    ['GitHub', { GITHUB_ACTIONS: 'true' }, []],
    ['GitHub, with stacks', { GITHUB_ACTIONS: 'true' }, ['--debug']],
  ])('forges nothing in the log of %s', async (forge, env, flags) => {
    const log = await copyFrom(registry, env, flags)
    const lines = log.trimEnd().split('\n')
    expect(log).not.toMatch(/[^\P{Cc}\n]|\p{Bidi_Control}/u)
    // One line says what went wrong; what follows it are its causes and where they came from.
    const [first = '', ...others] = lines
    expect(first).toMatch(forge.startsWith('GitHub') ? /^::error::/ : /^error: /)
    const stack = /^(?: +at |\w*(?:Error|Failure): )/
    expect(others.filter((line) => !(flags.length > 0 && stack.test(line)))).toEqual([])
    expect(others.join('\n')).not.toMatch(forge.startsWith('GitHub') ? /^\s*::|##\[/m : /^\s*::/m)
  })
})
