/** What a session is like, as far as the server tells, and what its lessees left behind in it. */
import type { Statement } from '@leasehold/core'
import type { Reply } from './answers.ts'
import type { EscapeMode } from './parameters.ts'
import { STATUS, UNTRACKED_STATE } from './profile.ts'

/**
 * What a lessee left behind. `dirty`: the session may be in another state than it was leased in; `spent`: in one that
 * a reset does not undo, or gone.
 */
export type Condition = 'clean' | 'dirty' | 'spent'

export class SessionState {
  #condition: Condition = 'clean'
  #soiled: Condition = 'dirty'
  #noBackslashEscapes = false

  get condition(): Condition {
    return this.#condition
  }

  /** How strings must be escaped for it. */
  get escaping(): EscapeMode {
    return { noBackslashEscapes: this.#noBackslashEscapes }
  }

  /** It may be in another state than it was leased in. */
  soil(): void {
    if (this.#condition === 'clean') this.#condition = this.#soiled
  }

  /** A reset would not make it what it was at first. */
  keepUnreset(): void {
    this.#soiled = 'spent'
  }

  /** Nobody must use it again. */
  spend(): void {
    this.#condition = 'spent'
  }

  /** It was reset. */
  clean(): void {
    this.#condition = 'clean'
  }

  noteStatus({ status }: Reply): void {
    if (status !== undefined) this.#noBackslashEscapes = (status & STATUS.NO_BACKSLASH_ESCAPES) !== 0
  }

  noteChanges(statement: Statement, { header }: Reply): void {
    const { trackStateChange = null, schema = null } = header?.stateChanges ?? {}
    if (statement.kind === 'unknown' || trackStateChange !== null || UNTRACKED_STATE.test(statement.sql))
      this.soil()
    if (schema !== null) this.spend()
  }
}

/** The character set for which values have to be escaped from now on, if a statement has set one. */
export function charsetOf({ header }: Reply): string | undefined {
  return header?.stateChanges?.systemVariables['character_set_client']
}
