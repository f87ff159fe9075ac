/** Brings a session into the state in which units take it: when it is new, between leases, and after raw SQL. */
import { patience, SilenceError } from '../protocol/patience.ts'
import type { Reply } from '../protocol/reply-readers.ts'
import type { ServerKind } from '../protocol/server-kind.ts'
import type { CommandEncoder, Outcome, Wire } from '../protocol/wire.ts'
import { isServerError, kindOf } from '../errors.ts'
import { RESET, text } from './encode-command.ts'
import { SERVER_SQL, serverOf, type SessionIdentity } from './session-identity.ts'
import { amongProbes, readProbes } from './pipelining-probes.ts'
import { KEPT_SQL, keptOf, LIMITS_SQL, SESSION_SETUP_SQL, WRITING_SQL } from './session-sql.ts'
import { foreignCharset, type SessionState } from './session-state.ts'

/** Milliseconds for a reset, which no unit waits for. */
const RESET_TIMEOUT = 1_000

/** Tries for a question that a KILL QUERY interrupts. */
const TRIES = 3

/** Facts about a session that hold until it ends. */
export interface SessionFacts {
  readonly identity: SessionIdentity
  readonly server: ServerKind
  /** The server's `max_sort_length`. */
  readonly sortedBytes: number | undefined
}

export class SessionPreparation {
  readonly #wire: Wire
  readonly #state: SessionState
  /** The initial values of the state that a reset does not restore. */
  #kept = ''

  constructor(wire: Wire, state: SessionState) {
    this.#wire = wire
    this.#state = state
  }

  /** Prepares a fresh session for its first lease. Rejects with the server's refusal, or a `ConnectionLostError`. */
  async setUp(): Promise<SessionFacts> {
    const needed = amongProbes(SESSION_SETUP_SQL, LIMITS_SQL).map(text)
    const replies = await this.#send(needed, text(SERVER_SQL))
    const limits = replies[3]
    const { hasInitConnect, kept } = readProbes(replies.slice(0, needed.length))
    this.#kept = kept
    if (hasInitConnect) this.#state.keepUnreset()
    this.#state.noteMode(limits)
    const { id, maxAllowedPacket, maxSortLength, version } = limits?.rows?.[0] ?? {}
    this.#wire.maxAllowedPacket = Number(maxAllowedPacket)
    return {
      identity: { id: Number(id), server: serverOf(replies[needed.length]) },
      server: /mariadb/i.test(String(version)) ? 'mariadb' : 'mysql',
      sortedBytes: Number(maxSortLength),
    }
  }

  /**
   * Removes the variables, locks and temporary tables that a lessee left. Remains that a reset cannot remove mark the session
   * as spent. Rejects as {@link setUp} does.
   */
  async reset(): Promise<void> {
    const heard = patience(RESET_TIMEOUT, () =>
      this.#wire.destroy(new SilenceError(`the server did not answer within ${RESET_TIMEOUT} ms`)),
    )
    try {
      const replies = await this.#send([RESET, text(SESSION_SETUP_SQL), text(KEPT_SQL)])
      this.#state.markClean()
      this.#state.noteMode(replies[2])
      if (keptOf(replies[2]) !== this.#kept) this.#state.markSpent()
    } finally {
      heard()
    }
  }

  /**
   * Asks how strings are written. A session that does not answer is given up, and so is one in another character set than
   * utf8mb4.
   */
  async askMode(): Promise<void> {
    let outcome: Outcome
    for (let tries = 0; tries < TRIES; tries += 1) {
      ;[outcome] = await this.#wire.fly([text(WRITING_SQL)])
      if (!isInterrupted(outcome)) break
    }
    if (outcome instanceof Error || outcome === undefined) {
      this.#wire.destroy(outcome ?? new Error('the server did not answer how strings are written'))
      return
    }
    this.#state.noteMode(outcome)
    const foreign = foreignCharset(outcome.rows?.[0] ?? {})
    if (foreign !== undefined) this.#wire.destroy(foreign)
  }

  /** Returns the replies to the needed commands, followed by those to the optional ones that succeeded. */
  async #send(
    needed: readonly CommandEncoder[],
    ...wanted: readonly CommandEncoder[]
  ): Promise<readonly Reply[]> {
    const replies: Reply[] = []
    for (const [index, outcome] of (await this.#wire.fly([...needed, ...wanted])).entries()) {
      if (outcome === undefined || outcome instanceof Error) {
        if (index >= needed.length && !isInterrupted(outcome)) break
        throw refused(outcome)
      }
      replies.push(outcome)
      this.#state.noteStatus(outcome)
    }
    return replies
  }
}

/** Whether a KILL QUERY interrupted the command, which hides its real answer. */
function isInterrupted(outcome: Outcome): boolean {
  return outcome instanceof Error && isServerError(outcome) && kindOf(outcome) === 'killed'
}

function refused(outcome: Error | undefined): Error {
  if (outcome === undefined || !isServerError(outcome)) {
    return outcome ?? new Error('the session could not be set up')
  }
  return new Error(`the server refused to set up the session: ${outcome.sqlMessage} (${outcome.errno})`, {
    cause: outcome,
  })
}
