/** What a session is like, as far as the server tells, and what its lessees left behind in it. */
import type { Statement } from '@leasehold/core'
import type { Reply } from '../protocol/reply-readers.ts'
import { leavesNothing } from './built-in-functions.ts'
import type { ServerKind } from '../protocol/server-kind.ts'
import type { EscapeMode } from '../values/text-parameters.ts'
import { STATUS } from './session-setup.ts'

/**
 * What a lessee left behind. `dirty`: the session may be in another state than it was leased in; `spent`: in one that
 * a reset does not undo, or gone.
 */
export type Condition = 'clean' | 'dirty' | 'spent'

export class SessionState {
  #condition: Condition = 'clean'
  #soiled: Condition = 'dirty'
  /** Whether backslashes escape nothing, by the mode that the server told last. */
  #noBackslashEscapes = false
  /** The same by the flag of the last answer. */
  #flag = false
  #modeInDoubt = false

  get condition(): Condition {
    return this.#condition
  }

  /** How values must be written for it. */
  escaping(server: ServerKind): EscapeMode {
    return { noBackslashEscapes: this.#noBackslashEscapes, server }
  }

  /** It may be in another state than it was leased in. */
  markDirty(): void {
    if (this.#condition === 'clean') this.#condition = this.#soiled
  }

  /** A reset would not make it what it was at first. */
  keepUnreset(): void {
    this.#soiled = 'spent'
  }

  /** Nobody must use it again. */
  markSpent(): void {
    this.#condition = 'spent'
  }

  /** It was reset. */
  markClean(): void {
    this.#condition = 'clean'
  }

  /** Whether `sql_mode` may have changed since {@link noteMode}, so that the server must be asked before values are written. */
  get modeInDoubt(): boolean {
    return this.#modeInDoubt
  }

  /** Takes the mode out of a row that the server gave for `NO_BACKSLASH_ESCAPES`. */
  noteMode(reply: Reply | undefined): void {
    this.#noBackslashEscapes = Number(reply?.rows?.[0]?.['noBackslashEscapes']) === 1
    this.#modeInDoubt = false
  }

  noteStatus({ status }: Reply): void {
    if (status !== undefined) this.#flag = (status & STATUS.NO_BACKSLASH_ESCAPES) !== 0
  }

  /** Notes that raw SQL was answered: nothing else changes the mode, and an error tells nothing of it. */
  noteRawAnswer({ sql }: Statement, failed: boolean): void {
    this.#modeInDoubt ||= failed || this.#flag !== this.#noBackslashEscapes || /sql_mode/i.test(sql)
  }

  /**
   * Notes a statement that is sent, whatever comes of it, since the server does not report all that one leaves behind: user
   * locks, assignments in expressions, whatever a stored function does.
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

/** A variable by which text would come, or go, in another character set than utf8mb4 from now on, if a statement has set one. */
export function foreignCharsetOf({
  header,
}: Reply): readonly [variable: string, charset: string] | undefined {
  const set = header?.stateChanges?.systemVariables ?? {}
  return CHARSETS.map((variable) => [variable, set[variable] ?? 'utf8mb4'] as const).find(
    ([, charset]) => !charset.startsWith('utf8mb4'),
  )
}

const CHARSETS = [
  'character_set_client',
  'character_set_connection',
  'collation_connection',
  'character_set_results',
]
