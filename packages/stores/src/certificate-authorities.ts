// The file of the input ca-file: certificates to trust besides the system's.
import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { inputFailure } from '@polyarch/oci'

const block = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs

const isCertificate = (pem: string): boolean => {
  try {
    return new X509Certificate(pem).subject !== undefined
  } catch {
    return false
  }
}

/**
 * The certificates in the file, as PEM text.
 * @throws {Failure} input, naming the file that cannot be read or holds something else.
 */
export const readCertificateAuthorities = async (file: string): Promise<string> => {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw inputFailure(`input ca-file: cannot read ${file} (${(cause as NodeJS.ErrnoException).code})`, { cause })
  }
  const certificates = text.match(block) ?? []
  if (certificates.length === 0) throw inputFailure(`input ca-file: ${file} holds no PEM certificate`)
  const broken = certificates.findIndex((certificate) => !isCertificate(certificate))
  if (broken !== -1) throw inputFailure(`input ca-file: ${file}: certificate ${broken + 1} of it is damaged`)
  return certificates.join('\n')
}
