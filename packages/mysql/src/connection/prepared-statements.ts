/** The prepared statements of a session: those that it runs repeatedly. */
import type { Statement } from '@leasehold/core'
import type { Prepared, Reply } from '../protocol/reply-readers.ts'
import { isPassing, isServerError } from '../errors.ts'
import { isPreparable } from './preparable.ts'

/** Number of the use from which a text is prepared: many texts, such as lists of values, occur only once. */
const USES = 2
/** Characters. A longer text has many values, and another number of them the next time. */
const LONGEST = 8_192

/** `asked`: the answer is outstanding. `refused`: the server does not prepare the text, or reads it differently. */
type Entry = Prepared | { readonly uses: number } | 'asked' | 'refused'

export class PreparedStatements {
  readonly #limit: number
  /** By text, the most recently used last. */
  readonly #entries = new Map<string, Entry>()
  readonly #due = new Set<string>()
  #evicted: Prepared[] = []

  /** Keeps at most `limit` texts. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** The prepared statement of a text, if there is one. Counts the use. */
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

  /** The texts to prepare now; each must be noted afterwards. */
  takeDue(): readonly string[] {
    if (this.#due.size === 0) return NONE
    const due = [...this.#due]
    this.#due.clear()
    for (const sql of due) this.#put(sql, 'asked')
    return due
  }

  /** Notes the answer for a due text. After a passing error the text is due again. */
  note(sql: string, outcome: Reply | Error): void {
    if (outcome instanceof Error && isServerError(outcome) && isPassing(outcome)) {
      this.#entries.delete(sql)
      return
    }
    this.#evict(this.#entries.get(sql))
    this.#put(sql, ('prepared' in outcome && outcome.prepared) || 'refused')
  }

  /** Evicted statements, which the session closes when no flight runs them. */
  takeEvicted(): readonly Prepared[] {
    if (this.#evicted.length === 0) return NONE
    const evicted = this.#evicted
    this.#evicted = []
    return evicted
  }

  /** Forgets all, after a reset of the session. */
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
