/** Capabilities and limits of the server, for queries whose statements depend on them. */
export interface ServerFacts {
  /** Whether the server supports `INSERT … RETURNING`. */
  readonly returning: boolean
  /** Maximum size of a statement, in bytes. */
  readonly maxAllowedPacket: number
}

/** Facts assumed without a server: it supports RETURNING and has no packet limit. */
export const ASSUMED_SERVER: ServerFacts = { returning: true, maxAllowedPacket: Infinity }
