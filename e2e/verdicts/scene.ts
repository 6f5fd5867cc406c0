// What the trials are built from: base images in a registry, and a server with a file, an archive and a git repository.
import { spawn } from 'node:child_process'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createSocketServer } from 'node:net'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { hostPlatform } from '@polyarch/engine'
import { type Digest, digestOf } from '@polyarch/oci'
import { startRegistry, temporaryDirectory, writeBaseImage } from '@polyarch/parts'
import { pack } from 'tar-stream'
import { commitAll, runOrThrow } from '../command.ts'

export interface Scene extends AsyncDisposable {
  /** The registry, with base:1 (an index), base-amd64:1 and base-arm64:1 (one image each), single:1, onbuild:1. */
  readonly registry: string
  /** http://HOST:PORT, with /file, /archive.tar, and /project.git as forges serve it: a page for a browser. */
  readonly site: string
  /** The digest of /file. */
  readonly fileDigest: Digest
  /** A socket, as an SSH agent has one. */
  readonly agent: string
  /** A directory for what engines remember between builds. */
  readonly home: string
}

/** What the server's file says. */
export const servedText = 'served\n'

/** The other one of the two architectures that base images have. */
export const otherArchitecture = hostPlatform().architecture === 'arm64' ? 'amd64' : 'arm64'

/** A tar with one file, `inner`. */
const writeArchive = async (): Promise<Uint8Array> => {
  const tar = pack()
  tar.entry({ name: 'inner', mtime: new Date(0) }, 'unpacked\n')
  tar.finalize()
  return await buffer(tar)
}

export const archive = await writeArchive()

const pushBases = async (registry: string): Promise<void> => {
  await using directory = await temporaryDirectory('polyarch-bases')
  const layout = directory.path
  await writeBaseImage(layout, { tag: 'base' })
  for (const architecture of ['amd64', 'arm64'] as const)
    await writeBaseImage(layout, { tag: `base-${architecture}`, platforms: [`linux/${architecture}`] })
  await writeBaseImage(layout, { tag: 'onbuild', triggers: ['RUN echo triggered > /triggered'] })
  const push = async (tag: string, name: string, ...flags: string[]): Promise<string> =>
    await runOrThrow(
      [
        'skopeo',
        ...flags,
        'copy',
        '--quiet',
        '--dest-tls-verify=false',
        ...(flags.length === 0 ? ['--all'] : []),
        `oci:${layout}:${tag}`,
        `docker://${registry}/${name}:1`,
      ],
      { directory: layout },
    )
  const { architecture } = hostPlatform()
  await push('base', 'base')
  await push('base-amd64', 'base-amd64', '--override-arch=amd64')
  await push('base-arm64', 'base-arm64', '--override-arch=arm64')
  await push('base', 'single', `--override-arch=${architecture}`)
  await push('onbuild', 'onbuild', `--override-arch=${architecture}`)
}

/** Answers as git's own server program does, by the Common Gateway Interface. */
const serveGit = (root: string, request: IncomingMessage, response: ServerResponse, url: URL): void => {
  const git = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'],
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: String(request.headers['content-encoding'] ?? ''),
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REMOTE_ADDR: '127.0.0.1',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  request.pipe(git.stdin)
  void buffer(git.stdout).then((answer) => {
    const end = answer.indexOf('\r\n\r\n')
    const headers = answer.subarray(0, end).toString('latin1').split('\r\n')
    for (const header of headers) {
      const [name = '', value = ''] = header.split(/:\s*/, 2)
      if (name.toLowerCase() === 'status') response.statusCode = Number.parseInt(value, 10)
      else response.setHeader(name, value)
    }
    response.end(answer.subarray(end + 4))
  })
}

const openSite = async (root: string) => {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (url.pathname === '/file') response.end(servedText)
    else if (url.pathname === '/archive.tar') response.end(archive)
    else if (url.pathname === '/project.git') response.setHeader('content-type', 'text/html').end('<html></html>')
    else serveGit(root, request, response, url)
  })
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  }
}

/** Opens the scene; what it started ends when it is disposed. */
export const openScene = async (): Promise<Scene> => {
  const directory = await temporaryDirectory('polyarch-scene')
  const project = join(directory.path, 'sites', 'project.git')
  await runOrThrow(['mkdir', '-p', project, join(directory.path, 'home')], { directory: directory.path })
  await runOrThrow(['sh', '-c', 'echo committed > committed'], { directory: project })
  await commitAll(project, 'https://example.com/acme/project.git')
  const registry = await startRegistry()
  await pushBases(registry.host)
  const site = await openSite(join(directory.path, 'sites'))
  const agent = join(directory.path, 'agent')
  const agentServer = createSocketServer((connection) => connection.end()).listen(agent)
  await new Promise((resolve) => agentServer.once('listening', resolve))
  return {
    registry: registry.host,
    site: site.address,
    agent,
    fileDigest: digestOf(Buffer.from(servedText)),
    home: join(directory.path, 'home'),
    [Symbol.asyncDispose]: async () => {
      agentServer.close()
      await site.stop()
      await registry.stop()
      await directory[Symbol.asyncDispose]()
    },
  }
}
