/** TLS options for mysql2, and a check of IP addresses that it lacks. */
import { isIP } from 'node:net'
import { checkServerIdentity, type TLSSocket } from 'node:tls'
import { inspect } from 'node:util'
import { UsageError } from '@leasehold/core'
import type { ConnectionOptions } from 'mysql2'
import type { Internals } from './mysql2-commands.ts'

/** TLS options of mysql2. */
type TlsOptions = Exclude<ConnectionOptions['ssl'], string | undefined>

interface CheckedTlsOptions extends TlsOptions {
  /** Whether the certificate must be issued for the IP address. */
  readonly checkAddress: boolean
}

/**
 * TLS options for mysql2; `undefined` for no TLS. It verifies certificate and host name unless `ssl` says otherwise.
 *
 * @throws {UsageError} when `ssl` is neither a boolean nor an object.
 */
export function tlsOptions(
  ssl: boolean | TlsOptions | undefined,
  host: string | undefined,
): CheckedTlsOptions | undefined {
  if (ssl === undefined || ssl === false) return undefined
  // Untyped callers may pass a string, which must not silently mean no TLS.
  const given: unknown = ssl
  if (given !== true && (typeof given !== 'object' || given === null || Array.isArray(given))) {
    throw new UsageError(`ssl: expected true, false or an object of options, got ${inspect(given)}`)
  }
  const options = { verifyIdentity: true, ...(ssl === true ? {} : ssl) }
  if (host === undefined || isIP(host) === 0) return { ...options, checkAddress: false }
  // For an IP address, mysql2 would check the certificate against `localhost`.
  const checkAddress = options.verifyIdentity && options.rejectUnauthorized !== false
  return { ...options, verifyIdentity: false, checkAddress }
}

/**
 * Patches `startTLS` to refuse a certificate for another IP address before mysql2 sends the password. The reported error
 * has the original one as its `cause`, since mysql2 overwrites the code.
 */
export function watchTls(connection: Internals, { host, ssl }: ConnectionOptions): void {
  const checksAddress = typeof ssl === 'object' && 'checkAddress' in ssl && ssl.checkAddress === true
  const startTLS = connection.startTLS.bind(connection)
  const identityError = (): Error | undefined => {
    if (!checksAddress || host === undefined) return undefined
    return checkServerIdentity(host, (connection.stream as TLSSocket).getPeerCertificate())
  }
  connection.startTLS = (onSecure) =>
    startTLS((error) => {
      const failure = error ?? identityError()
      onSecure(failure && new Error(failure.message, { cause: failure }))
    })
}
