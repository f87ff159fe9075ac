/**
 * Ends sessions from outside. Closing a connection is not enough: the server notices only when the statement that runs
 * on it is over, and keeps its locks until then.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { ConnectionOptions } from 'mysql2'
import { isCrowded, isGone } from '../errors.ts'
import { SERVER_SQL, serverOf, type SessionIdentity } from '../connection/session-identity.ts'
import { inText } from '../connection/encode-command.ts'
import { patience, SilenceError } from '../protocol/patience.ts'
import { type Outcome, PATIENCE, Wire } from '../protocol/wire.ts'
import { isRefusal } from './login-refusals.ts'
import type { ReservationEnd } from './reservation.ts'

/** Milliseconds that a control connection which is not reserved is kept for the next kill. */
const KEEP = 1_000

/** Connections that are tried for one kill: behind a balancer, each may lead to another server. */
const TRIES = 4

/** Milliseconds in which a connection that was just closed is off the server's count. */
const LEAVING = 50

/** Milliseconds for all that is left to be killed when the driver is closed. */
const CLOSING = 2_000

/** A connection, and which server it leads to. */
interface Control {
  readonly wire: Wire
  readonly server: string | undefined
}

/** Gives up aloud: nobody waits for a kill, and the locks that it was for may stay. */
class KillError extends Error {
  readonly topic: 'elsewhere' | 'nameless' | 'refused'

  constructor(topic: KillError['topic'], { id }: SessionIdentity, why: string, options?: ErrorOptions) {
    super(
      `session ${id} was not killed, so that its locks may last until its statement ends: ${why}`,
      options,
    )
    this.topic = topic
  }
}

export class SessionKiller {
  readonly #options: ConnectionOptions
  /** Beside the pool and its limit, because it is needed when the pool has none to give. */
  #control: Promise<Control> | undefined
  #reserved = false
  #reserving: Promise<ReservationEnd> | undefined
  #timer: NodeJS.Timeout | undefined
  #queue = Promise.resolve()
  #queued = 0
  /** The last kill that failed: those for the same server that were asked for before share its fate. */
  #failed: { readonly server: string | undefined; readonly at: number; readonly error: Error } | undefined
  readonly #over = new AbortController()
  readonly #told = new Set<KillError['topic']>()

  constructor(options: ConnectionOptions) {
    const own = { ...options }
    // Of no use here, and a login without it can't be refused because of it.
    delete own.database
    this.#options = own
  }

  /**
   * Has the control connection opened before it is needed, and kept. Nothing if there is one; else what resolves when it
   * has come or failed, to `crowded` if the server had none to give.
   */
  reserve(): Promise<ReservationEnd> | undefined {
    this.#reserved = true
    clearTimeout(this.#timer)
    if (this.#control !== undefined || this.#over.signal.aborted) return this.#reserving
    this.#reserving ??= this.#connectWhereCrowded()
      .then(
        () => undefined,
        (error: unknown) => {
          if (!isCrowded(error as Error)) return undefined
          this.#reserved = false
          return 'crowded' as const
        },
      )
      .finally(() => {
        this.#reserving = undefined
      })
    return this.#reserving
  }

  /** Keeps the control connection no longer than the next kill may take to come. */
  rest(): void {
    this.#reserved = false
    if (this.#queued > 0) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#leave(), KEEP).unref()
  }

  /** Leaves the place of the control connection to who has none at all. */
  giveWay(): void {
    this.#reserved = false
    if (this.#queued === 0) this.#leave()
  }

  /** Opens a reserved control connection that was lost, and asks one that was silent for `keepalive` ms to answer. */
  housekeep(now: number, keepalive: number): void {
    if (!this.#reserved || this.#queued > 0) return
    void this.reserve()
    this.#queue = this.#queue.then(async () => {
      try {
        const control = await this.#control
        if (control !== undefined && now - control.wire.answeredAt >= keepalive) await control.wire.prove()
      } catch {
        // Then it is opened anew.
      }
    })
  }

  /** Ends a session, unless its server is out of reach, of which a warning tells. Returns at once. */
  kill(session: SessionIdentity): void {
    this.#enqueue('KILL', session).catch(() => {})
  }

  /** Ends the statement that a session runs. Resolves when its server has taken note of it. */
  interrupt(session: SessionIdentity): Promise<void> {
    return this.#enqueue('KILL QUERY', session)
  }

  /** Closes the control connection after the kills that were asked for, which have limited time for it. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.#end(), CLOSING).unref()
    await this.#queue
    clearTimeout(timer)
    this.#leave()
    this.#over.abort()
  }

  #end(): void {
    this.#over.abort()
    const late = new Error('the driver was closed')
    this.#control?.then(({ wire }) => wire.destroy(late)).catch(() => {})
  }

  #enqueue(verb: string, session: SessionIdentity): Promise<void> {
    clearTimeout(this.#timer)
    this.#queued += 1
    const asked = performance.now()
    const sent = this.#queue.then(() => this.#send(verb, session, asked))
    this.#queue = sent
      .catch((error: unknown) => this.#tell(error as Error))
      .then(() => {
        this.#queued -= 1
        if (!this.#reserved) this.rest()
      })
    return sent
  }

  async #send(verb: string, session: SessionIdentity, asked: number): Promise<void> {
    const { server } = session
    if (server === undefined) {
      throw new KillError('nameless', session, 'its server does not tell how it differs from others')
    }
    if (this.#failed?.server === server && this.#failed.at > asked) throw this.#failed.error
    const error = await this.#tryAll(verb, session, server)
    if (error === undefined) return
    this.#failed = { server, at: performance.now(), error }
    throw isCrowded(error) || isRefusal(error)
      ? new KillError('refused', session, `the server refused a connection for it: ${error.message}`, {
          cause: error,
        })
      : error
  }

  /** Gives why the session was not killed, if so. A kept connection may have broken unnoticed: then a new one may serve. */
  async #tryAll(verb: string, session: SessionIdentity, server: string): Promise<Error | undefined> {
    let broken = 0
    for (let tried = 0; tried < TRIES; tried += 1) {
      try {
        this.#over.signal.throwIfAborted()
        // A new one that is slow is better than none.
        const limit = this.#control === undefined ? this.#connectTimeout : PATIENCE
        const control = await this.#connectWhereCrowded()
        if (control.server === server) {
          return refusalOf(session, await ask(control.wire, `${verb} ${session.id}`, limit))
        }
        this.#leave()
      } catch (error) {
        broken += 1
        if (broken === 2) return error as Error
      }
    }
    return new KillError(
      'elsewhere',
      session,
      'the address leads to other servers than its own, or its own was restarted',
    )
  }

  /** The place of a connection that has just been closed may not be free yet. */
  async #connectWhereCrowded(): Promise<Control> {
    for (let tried = 1; ; tried += 1) {
      try {
        return await this.#connect()
      } catch (error) {
        if (tried === TRIES || !isCrowded(error as Error)) throw error
        await pause(LEAVING * tried, undefined, { signal: this.#over.signal })
      }
    }
  }

  #connect(): Promise<Control> {
    if (this.#control !== undefined) return this.#control
    const control = this.#open()
    const forget = (): void => {
      if (this.#control === control) this.#control = undefined
    }
    control.then(({ wire }) => wire.whenLost(forget), forget)
    this.#control = control
    return control
  }

  async #open(): Promise<Control> {
    // mysql2 keeps what the server told it on the options.
    const wire = await Wire.connect({ ...this.#options }, this.#over.signal)
    return { wire, server: serverOf(await ask(wire, SERVER_SQL, this.#connectTimeout)) }
  }

  get #connectTimeout(): number {
    return this.#options.connectTimeout ?? PATIENCE
  }

  #leave(): void {
    clearTimeout(this.#timer)
    const control = this.#control
    this.#control = undefined
    control?.then(({ wire }) => wire.quit()).catch(() => {})
  }

  /** Once for each cause. A server that is out of reach is told of by what was lost with it. */
  #tell(error: Error): void {
    if (!(error instanceof KillError) || this.#told.has(error.topic)) return
    this.#told.add(error.topic)
    process.emitWarning(error.message, { type: 'LeaseholdKillWarning' })
  }
}

/** The answer to a command that waits for nothing on the server; a wire that is silent is lost. */
async function ask(wire: Wire, sql: string, limit: number): Promise<Outcome> {
  const heard = patience(limit, () =>
    wire.destroy(new SilenceError(`the server did not answer within ${limit} ms`)),
  )
  try {
    const [outcome] = await wire.fly([() => inText(sql)])
    return outcome
  } finally {
    heard()
  }
}

function refusalOf(session: SessionIdentity, answer: Outcome): KillError | undefined {
  if (!(answer instanceof Error) || isGone(answer)) return undefined
  return new KillError('refused', session, `the server refused it: ${answer.message}`, { cause: answer })
}
