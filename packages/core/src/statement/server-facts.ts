/** What a query may want to know of the server that it runs on. */
export interface ServerFacts {
  /** Whether `INSERT … RETURNING` is understood. */
  readonly returning: boolean
  /** The longest statement that it takes, in bytes. */
  readonly maxAllowedPacket: number
}

/** The one that is imagined where there is none: a row that is inserted to be read is answered as one. */
export const ASSUMED_SERVER: ServerFacts = { returning: true, maxAllowedPacket: Infinity }
