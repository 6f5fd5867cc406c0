// Makes self-signed certificates for servers on this machine.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { runProgram } from './program.ts'
import { temporaryDirectory } from './temporary.ts'

/** A certificate that no authority signed, with its key: PEM text. */
export interface SelfSignedCertificate {
  readonly certificate: string
  readonly key: string
}

/** A new certificate for 127.0.0.1, localhost and the other host names, with its key. */
export const createCertificate = async (
  name = 'polyarch test',
  hosts: readonly string[] = [],
): Promise<SelfSignedCertificate> => {
  await using temporary = await temporaryDirectory('certificate')
  const keyPath = join(temporary.path, 'key.pem')
  const certificatePath = join(temporary.path, 'certificate.pem')
  const algorithm = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  const names = ['IP:127.0.0.1', 'DNS:localhost', ...hosts.map((host) => `DNS:${host}`)]
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${names.join(',')}`]
  await runProgram('openssl', [
    'req',
    '-x509',
    ...algorithm,
    ...subject,
    '-days',
    '2',
    '-keyout',
    keyPath,
    '-out',
    certificatePath,
  ])
  return { certificate: await readFile(certificatePath, 'utf8'), key: await readFile(keyPath, 'utf8') }
}
