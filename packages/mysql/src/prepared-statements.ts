/** What a session keeps prepared: the statements that it is asked for again and again. */
import type { Prepared } from './answers.ts'

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
  #evicted: Prepared[] = []

  /** Keeps at most `limit` texts in mind. */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** The prepared statement to run for the text; `'due'` when it is to be prepared for the next time. */
  use(sql: string): Prepared | 'due' | undefined {
    if (this.#limit === 0 || sql.length > LONGEST) return undefined
    const entry = this.#entries.get(sql) ?? { uses: 0 }
    if (entry === 'asked' || entry === 'refused') return undefined
    if ('uses' in entry) {
      this.#put(sql, { uses: entry.uses + 1 })
      return entry.uses + 1 < USES ? undefined : 'due'
    }
    this.#put(sql, entry)
    return entry
  }

  /** Notes what became of a text that was due. */
  keep(sql: string, statement: Prepared | 'asked' | 'refused'): void {
    this.#evict(this.#entries.get(sql))
    this.#put(sql, statement)
  }

  /** Notes that a text that was due could not be prepared now; it will be due again. */
  putOff(sql: string): void {
    this.#entries.delete(sql)
  }

  /** Those that had to make room for others; the session is to close them once nothing on its way runs them. */
  takeEvicted(): readonly Prepared[] {
    if (this.#evicted.length === 0) return []
    const evicted = this.#evicted
    this.#evicted = []
    return evicted
  }

  /** The session has none of them any more. */
  clear(): void {
    this.#entries.clear()
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
