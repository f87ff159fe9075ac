/**
 * Kills sessions and statements from outside. Closing a connection is not enough: the server notices it at the end of the
 * running statement, and keeps the locks until then.
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

/** Milliseconds that an unreserved control connection stays open for the next kill. */
const KEEP = 1_000

/** Connections to try for one kill: behind a load balancer each may lead to another server. */
const TRIES = 4

/** Milliseconds in which the server stops counting a closed connection. */
const LEAVING = 50

/** Milliseconds for the outstanding kills when the driver closes. */
const CLOSING = 2_000

/** A control connection, and the server it leads to. */
interface Control {
  readonly wire: Wire
  readonly server: string | undefined
}

/** The error of a kill that failed. No caller waits for a kill, so it becomes a warning: the locks may stay. */
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
  /** Not part of the pool, because it is needed when the pool is exhausted. */
  #control: Promise<Control> | undefined
  #reserved = false
  #reserving: Promise<ReservationEnd> | undefined
  #timer: NodeJS.Timeout | undefined
  #queue = Promise.resolve()
  #queued = 0
  /** The last failed kill. Kills of the same server that were requested before it fail with it. */
  #failed: { readonly server: string | undefined; readonly at: number; readonly error: Error } | undefined
  readonly #over = new AbortController()
  readonly #told = new Set<KillError['topic']>()

  constructor(options: ConnectionOptions) {
    const own = { ...options }
    // A login without a database cannot be refused because of it.
    delete own.database
    this.#options = own
  }

  /**
   * Opens the control connection ahead of the first kill, and keeps it. Returns `undefined` if it is open. Resolves when the
   * login has ended, with `crowded` if the server had no connection left.
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

  /** Closes the control connection when it is idle. */
  rest(): void {
    this.#reserved = false
    if (this.#queued > 0) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#leave(), KEEP).unref()
  }

  /** Closes the control connection in favour of a pool that has none. */
  giveWay(): void {
    this.#reserved = false
    if (this.#queued === 0) this.#leave()
  }

  /** Reopens a lost control connection, and validates one that was silent for `keepalive` milliseconds. */
  housekeep(now: number, keepalive: number): void {
    if (!this.#reserved || this.#queued > 0) return
    void this.reserve()
    this.#queue = this.#queue.then(async () => {
      try {
        const control = await this.#control
        if (control !== undefined && now - control.wire.answeredAt >= keepalive) await control.wire.prove()
      } catch {
        // The next call opens a new one.
      }
    })
  }

  /** Kills a session. Returns at once; a failure becomes a process warning. */
  kill(session: SessionIdentity): void {
    this.#enqueue('KILL', session).catch(() => {})
  }

  /** Interrupts the statement of a session. Resolves when the server has received the request. */
  interrupt(session: SessionIdentity): Promise<void> {
    return this.#enqueue('KILL QUERY', session)
  }

  /** Closes the control connection after the outstanding kills, within a time limit. */
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
      throw new KillError('nameless', session, 'its server does not identify itself')
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

  /** Returns the reason why the session was not killed, if so. Tries a new connection if the open one has broken unnoticed. */
  async #tryAll(verb: string, session: SessionIdentity, server: string): Promise<Error | undefined> {
    let broken = 0
    for (let tried = 0; tried < TRIES; tried += 1) {
      try {
        this.#over.signal.throwIfAborted()
        // A slow login is better than none.
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

  /** The server may still count a connection that was just closed. */
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
    // mysql2 stores facts about the server on the options.
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

  /** Warns once for each cause. The lost connections report an unreachable server by themselves. */
  #tell(error: Error): void {
    if (!(error instanceof KillError) || this.#told.has(error.topic)) return
    this.#told.add(error.topic)
    process.emitWarning(error.message, { type: 'LeaseholdKillWarning' })
  }
}

/** The answer to a command that waits for no lock. A silent wire is given up. */
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
