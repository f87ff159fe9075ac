import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** A certificate that vouches for itself, in the files that a server has it in. */
export interface Certificate {
  /** Options of a server that shows it. */
  readonly args: readonly string[]
  /** Makes it anew, for names such as `IP:127.0.0.1` or `DNS:localhost`; gives what who trusts it has to know. */
  make(...names: readonly string[]): Promise<string>
  remove(): Promise<void>
}

export async function createCertificate(): Promise<Certificate> {
  const folder = await mkdtemp(join(tmpdir(), 'leasehold-certificate-'))
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  return {
    args: [`--ssl-cert=${certificate}`, `--ssl-key=${key}`, `--ssl-ca=${certificate}`],
    async make(...names) {
      const how = 'req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=leasehold -addext'.split(' ')
      const subject = `subjectAltName=${names.join(',')}`
      await promisify(execFile)('openssl', [...how, subject, '-keyout', key, '-out', certificate])
      return readFile(certificate, 'utf8')
    },
    remove: () => rm(folder, { recursive: true }),
  }
}
