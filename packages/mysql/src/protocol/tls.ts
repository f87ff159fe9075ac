/** TLS: what mysql2 is told of it, and the check that it leaves out. */
import { isIP } from 'node:net'
import { checkServerIdentity, type TLSSocket } from 'node:tls'
import { inspect } from 'node:util'
import { UsageError } from '@leasehold/core'
import type { ConnectionOptions } from 'mysql2'
import type { Internals } from './mysql2-commands.ts'

/** mysql2's options of TLS. */
type TlsOptions = Exclude<ConnectionOptions['ssl'], string | undefined>

interface CheckedTlsOptions extends TlsOptions {
  /** Whether the certificate must have been made for the address. */
  readonly checkAddress: boolean
}

/** `undefined` for none. Throws a `UsageError` for what is neither a switch nor options. */
export function tlsOptions(
  ssl: boolean | TlsOptions | undefined,
  host: string | undefined,
): CheckedTlsOptions | undefined {
  if (ssl === undefined || ssl === false) return undefined
  // The types are those of a caller who heeds them, and a string that is passed over would be no TLS.
  const given: unknown = ssl
  if (given !== true && (typeof given !== 'object' || given === null || Array.isArray(given))) {
    throw new UsageError(`ssl: expected true, false or an object of options, got ${inspect(given)}`)
  }
  const options = { verifyIdentity: true, ...(ssl === true ? {} : ssl) }
  if (host === undefined || isIP(host) === 0) return { ...options, checkAddress: false }
  // mysql2 would have an address's certificate checked against `localhost`.
  const checkAddress = options.verifyIdentity && options.rejectUnauthorized !== false
  return { ...options, verifyIdentity: false, checkAddress }
}

/** Has a certificate for another address refused before a password is sent, and keeps what is wrong with one. */
export function watchTls(connection: Internals, { host, ssl }: ConnectionOptions): void {
  const checksAddress = typeof ssl === 'object' && 'checkAddress' in ssl && ssl.checkAddress === true
  const startTLS = connection.startTLS.bind(connection)
  const mismatch = (): Error | undefined => {
    if (!checksAddress || host === undefined) return undefined
    return checkServerIdentity(host, (connection.stream as TLSSocket).getPeerCertificate())
  }
  connection.startTLS = (onSecure) =>
    startTLS((error) => {
      const wrong = error ?? mismatch()
      // mysql2 puts another code on it.
      onSecure(wrong && new Error(wrong.message, { cause: wrong }))
    })
}
