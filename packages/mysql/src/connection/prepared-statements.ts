/** What a session keeps prepared: the statements that it is asked for again and again. */
import type { Statement } from '@leasehold/core'
import type { Prepared, Reply } from '../protocol/reply-readers.ts'
import { isPassing, isServerError } from '../errors.ts'
import { isPreparable } from './preparable.ts'

/** Uses of a text from which on it is worth it: many, such as those of lists of values, are never seen again. */
const USES = 2
/** Characters; a longer text is one of many values, and next time of more or fewer. */
const LONGEST = 8_192

/** `asked`: the server's answer is still to come. `refused`: it doesn't prepare it, or takes it for something else. */
type Entry = Prepared | { readonly uses: number } | 'asked' | 'refused'

export class PreparedStatements {
  readonly #limit: number
  /** By their texts, the one that was used last at the end. */
  readonly #entries = new Map<string, Entry>()
  readonly #due = new Set<string>()
  #evicted: Prepared[] = []

  /** Keeps at most `limit` texts in mind. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** The prepared statement to run in place of the text, if there is one; counts the use. */
  use({ kind, sql, compiled }: Statement): Prepared | undefined {
    if (kind === 'unknown' || this.#limit === 0 || sql.length > LONGEST) return undefined
    const entry = this.#entries.get(sql) ?? { uses: 0 }
    if (typeof entry === 'string') return undefined
    if (!('uses' in entry)) {
      this.#put(sql, entry)
      return entry
    }
    const uses = entry.uses + 1
    const worth = uses >= USES
    const refused = worth && !isPreparable(compiled.query)
    this.#put(sql, refused ? 'refused' : { uses })
    if (worth && !refused) this.#due.add(sql)
    return undefined
  }

  /** The texts that are to be prepared now; each must be noted then. */
  takeDue(): readonly string[] {
    if (this.#due.size === 0) return NONE
    const due = [...this.#due]
    this.#due.clear()
    for (const sql of due) this.#put(sql, 'asked')
    return due
  }

  /** Notes what became of a text that was due; one that met a passing error will be due again. */
  note(sql: string, outcome: Reply | Error): void {
    if (outcome instanceof Error && isServerError(outcome) && isPassing(outcome)) {
      this.#entries.delete(sql)
      return
    }
    this.#evict(this.#entries.get(sql))
    this.#put(sql, ('prepared' in outcome && outcome.prepared) || 'refused')
  }

  /** Those that had to make room for others; the session is to close them once nothing on its way runs them. */
  takeEvicted(): readonly Prepared[] {
    if (this.#evicted.length === 0) return NONE
    const evicted = this.#evicted
    this.#evicted = []
    return evicted
  }

  /** The session has none of them any more. */
  clear(): void {
    this.#entries.clear()
    this.#due.clear()
    this.#evicted = []
  }

  #put(sql: string, entry: Entry): void {
    this.#entries.delete(sql)
    this.#entries.set(sql, entry)
    if (this.#entries.size <= this.#limit) return
    const [oldest] = this.#entries
    if (oldest === undefined) return
    this.#entries.delete(oldest[0])
    this.#evict(oldest[1])
  }

  #evict(entry: Entry | undefined): void {
    if (typeof entry === 'object' && 'id' in entry) this.#evicted.push(entry)
  }
}

const NONE: readonly never[] = []
