// The files of the input client-certificates: what Polyarch shows to registries that ask who connects.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { inputFailure } from '@polyarch/oci'
import type { ClientCertificate } from '@polyarch/registry'

/** The files of one line: PEM, the certificate with those between it and its authority. */
export interface CertificateFiles {
  readonly host: string
  readonly certificate: string
  readonly key: string
}

const refuse = (why: string) => inputFailure(`input client-certificates: ${why}`)

const readText = async (file: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw refuse(`cannot read ${file} (${(cause as NodeJS.ErrnoException).code})`)
  }
}

const parseCertificate = (text: string, file: string): X509Certificate => {
  try {
    return new X509Certificate(text)
  } catch {
    throw refuse(`${file} holds no PEM certificate`)
  }
}

// The error of OpenSSL is left out: nobody can say what of the key it shows.
const parseKey = (text: string, file: string): KeyObject => {
  try {
    return createPrivateKey(text)
  } catch {
    throw refuse(`${file} holds no PEM private key, or one with a passphrase: expected one without`)
  }
}

/**
 * The certificate and key in the files.
 * @throws {Failure} input, naming the file that cannot be read, holds something else, or does not belong to the other.
 */
export const readClientCertificate = async (files: CertificateFiles): Promise<ClientCertificate> => {
  const [certificate, key] = await Promise.all([readText(files.certificate), readText(files.key)])
  if (!parseCertificate(certificate, files.certificate).checkPrivateKey(parseKey(key, files.key)))
    throw refuse(`${files.key} is not the key of ${files.certificate}`)
  return { certificate, key }
}
