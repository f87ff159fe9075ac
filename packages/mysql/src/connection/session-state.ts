/** The state of a session, as far as the server reports it, and whether a lessee changed it. */
import { type Statement, UsageError } from '@leasehold/core'
import type { Reply } from '../protocol/reply-readers.ts'
import { leavesNothing } from './built-in-functions.ts'
import type { ServerKind } from '../protocol/server-kind.ts'
import type { EscapeMode } from '../values/text-parameters.ts'
import { CHARSET_VARIABLES, STATUS } from './session-sql.ts'

/**
 * - `clean`: as it was at the beginning of the lease.
 * - `dirty`: may differ, and needs a reset.
 * - `spent`: lost, or changed in a way that a reset does not undo.
 */
export type Condition = 'clean' | 'dirty' | 'spent'

/** Names in statements that change the mode, the character set, or their tracking. A routine restores the first two. */
const CHANGING =
  /sql_mode|session_track|\b(?:names|charset|character|char|collation)\b|character_set|collation_/i

/** Verbs of statements whose text is not known. */
const DYNAMIC: ReadonlySet<string> = new Set(['execute', 'prepare'])

export class SessionState {
  #condition: Condition = 'clean'
  #soiled: Condition = 'dirty'
  /** Whether backslashes are plain characters, by the last known mode. */
  #noBackslashEscapes = false
  /** The same, by the status flag of the last answer. */
  #flag = false
  #modeInDoubt = false

  get condition(): Condition {
    return this.#condition
  }

  /** How to write values for the session. */
  escaping(server: ServerKind): EscapeMode {
    return { noBackslashEscapes: this.#noBackslashEscapes, server }
  }

  /** Marks a session that may have changed. */
  markDirty(): void {
    if (this.#condition === 'clean') this.#condition = this.#soiled
  }

  /** Marks a session that a reset would not restore once it has changed. */
  keepUnreset(): void {
    this.#soiled = 'spent'
  }

  /** Marks a session that must not be leased again. */
  markSpent(): void {
    this.#condition = 'spent'
  }

  /** Marks a session that was reset. */
  markClean(): void {
    this.#condition = 'clean'
  }

  /** Whether `sql_mode` or the character set may have changed unnoticed. Ask the server before writing values. */
  get modeInDoubt(): boolean {
    return this.#modeInDoubt
  }

  /** Marks the mode as unknown. */
  doubtMode(): void {
    this.#modeInDoubt = true
  }

  /** Takes the mode from the answer to `NO_BACKSLASH_ESCAPES`. */
  noteMode(reply: Reply | undefined): void {
    this.#noBackslashEscapes = Number(reply?.rows?.[0]?.['noBackslashEscapes']) === 1
    this.#modeInDoubt = false
  }

  noteStatus({ status }: Reply): void {
    if (status !== undefined) this.#flag = (status & STATUS.NO_BACKSLASH_ESCAPES) !== 0
  }

  /**
   * Notes an answer to raw SQL, the only way to change the mode, or the character set while changes are not tracked. An error
   * does not show whether it has.
   */
  noteRawAnswer({ sql, verbs }: Statement, failed: boolean): void {
    const mayHave = CHANGING.test(sql) || verbs.some((verb) => DYNAMIC.has(verb))
    this.#modeInDoubt ||= failed || this.#flag !== this.#noBackslashEscapes || mayHave
  }

  /**
   * Notes a statement before its answer, because the server does not report every change: user locks, assignments in
   * expressions, effects of stored functions.
   */
  noteSent({ kind, assigns, calls }: Statement, server: ServerKind): void {
    if (this.#condition !== 'clean') return
    if (kind === 'unknown' || assigns || !calls.every((name) => leavesNothing(name, server))) this.markDirty()
  }

  noteChanges({ header }: Reply): void {
    const { trackStateChange = null, schema = null } = header?.stateChanges ?? {}
    if (trackStateChange !== null) this.markDirty()
    if (schema !== null) this.markSpent()
  }
}

/** The error for a session whose texts are in another character set than utf8mb4, by the values of its variables. */
export function foreignCharset(known: Readonly<Record<string, unknown>>): UsageError | undefined {
  for (const variable of CHARSET_VARIABLES) {
    const charset = known[variable]
    if (charset === undefined) continue
    const shown = typeof charset === 'string' && charset !== '' ? charset : 'NULL'
    if (shown.startsWith('utf8mb4')) continue
    return new UsageError(
      `a statement set ${variable} to ${shown}: values are written and read in utf8mb4 only`,
    )
  }
  return undefined
}
