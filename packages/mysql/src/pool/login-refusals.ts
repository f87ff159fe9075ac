/** Login failures that another attempt meets again. */

/**
 * Errors of an account, its password or rights, a blocked host, a missing database or a failing `init_connect`: another attempt
 * meets them again until an administrator acts. 4150 and 4151 are MariaDB's.
 */
const errnos: ReadonlySet<unknown> = new Set([
  1044, 1045, 1049, 1064, 1129, 1130, 1184, 1193, 1227, 1231, 1251, 1396, 1524, 1698, 1766, 1820, 1862, 3118,
  3159, 3955, 4150, 4151,
])

/** The same, found on the client's side: by mysql2, and by Node in a certificate ("X509 certificate error codes"). */
const codes: ReadonlySet<unknown> = new Set([
  'AUTH_SWITCH_PLUGIN_ERROR',
  'CERT_CHAIN_TOO_LONG',
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REJECTED',
  'CERT_REVOKED',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'HANDSHAKE_NO_SSL_SUPPORT',
  'HOSTNAME_MISMATCH',
  'INVALID_CA',
  'INVALID_PURPOSE',
  'PATH_LENGTH_EXCEEDED',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
])

/** Whether another attempt would fail in the same way. */
export function isRefusal(error: Error): boolean {
  if ('errno' in error && errnos.has(error.errno)) return true
  if ('code' in error && codes.has(error.code)) return true
  return error.cause instanceof Error && isRefusal(error.cause)
}

/** A host with several addresses fails with an aggregate error without a message. */
export function reasonOf(error: Error): string {
  if (!(error instanceof AggregateError) || error.message !== '') return error.message
  return error.errors.map((each: unknown) => (each instanceof Error ? each.message : String(each))).join('; ')
}
