// The files that an engine reads besides the context: Dockerfile, ignore file, logins, secrets and certificates.
import { copyFile, mkdir, readFile, realpath, writeFile } from 'node:fs/promises'
import { join, relative, resolve, sep } from 'node:path'
import type { Host } from '@polyarch/ci-host'
import { inputFailure } from '@polyarch/oci'
import type { BuildRequest } from './build-request.ts'
import { formatDockerConfig, type StagedLogin } from './docker-config.ts'
import { findRealPath, isInside } from './workspace.ts'

const secretMode = 0o600

/** Where systems keep the certificate authorities that they trust, as Go's crypto/x509 looks for them. */
const systemBundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

/** A path as a pattern of an ignore file that matches it and nothing else. */
const literalPattern = (path: string): string =>
  path
    .split(sep)
    .join('/')
    .replace(/[*?[\]\\!#]/g, '\\$&')

/** The user's ignore file, by the rules of docker: the Dockerfile's own, else the context's. */
const readIgnoreFile = async (host: Host, { context, dockerfile }: BuildRequest): Promise<string> => {
  for (const candidate of [`${dockerfile}.dockerignore`, join(context, '.dockerignore')]) {
    const real = await findRealPath(candidate)
    if (real === undefined) continue
    if (!isInside(await realpath(host.directory), real) && !isInside(context, real))
      throw inputFailure(`${candidate} leads to ${real}, outside the workspace`)
    return await readFile(real, 'utf8')
  }
  return ''
}

/** What is in the context only because Polyarch put it there: no image gets it. */
const ownPaths = (host: Host, { context, layout }: BuildRequest): string[] =>
  [join(host.directory, '.polyarch'), layout]
    .filter((path) => isInside(context, path) && path !== context)
    .map((path) => relative(context, path))

/** The ignore file for the build: the user's rules, then Polyarch's own, which win. */
export const formatIgnoreFile = (users: string, paths: readonly string[]): string =>
  [users.trimEnd(), ...paths.map(literalPattern)].filter((line) => line !== '').join('\n')

const stageCertificates = async (host: Host, directory: string, caFile: string | undefined): Promise<void> => {
  await mkdir(directory)
  const own = host.env['SSL_CERT_FILE']
  for (const bundle of own ? [own, ...systemBundles] : systemBundles) {
    if ((await findRealPath(bundle)) === undefined) continue
    await copyFile(bundle, join(directory, 'system.pem'))
    break
  }
  if (caFile === undefined) return
  const file = resolve(host.directory, caFile)
  if ((await findRealPath(file)) === undefined) throw inputFailure(`input ca-file: ${file} does not exist`)
  await copyFile(file, join(directory, 'input.pem'))
}

/**
 * Writes the files into a fresh directory; what is secret only this user may read.
 * @throws {Failure} input, when an ignore file leads out of the workspace or a CA file is missing.
 */
export const stageBuild = async (
  host: Host,
  directory: string,
  request: BuildRequest,
  settings: { readonly logins: readonly StagedLogin[]; readonly caFile: string | undefined },
): Promise<void> => {
  await mkdir(directory, { mode: 0o700 })
  await writeFile(join(directory, 'Dockerfile'), request.dockerfileText)
  const paths = ownPaths(host, request)
  const ignoreFile = formatIgnoreFile(await readIgnoreFile(host, request), paths)
  await writeFile(join(directory, 'Dockerfile.dockerignore'), `${ignoreFile}\n`)
  await stageCertificates(host, join(directory, 'certificates'), settings.caFile)
  for (const name of ['docker', 'secrets']) await mkdir(join(directory, name), { mode: 0o700 })
  await writeFile(join(directory, 'docker', 'config.json'), formatDockerConfig(settings.logins), { mode: secretMode })
  for (const { id, value } of request.secrets)
    await writeFile(join(directory, 'secrets', id), value, { mode: secretMode })
}
