/** Leases that are held by hand, and the named locks on them. */
import type { Answer, StatementCommand } from '../driver.ts'
import { LeaseholdError, LockError, UsageError } from '../errors/errors.ts'
import { abridged } from '../errors/messages.ts'
import { leadToCaller } from '../errors/stack-trace.ts'
import type { UnitEvent } from '../events.ts'
import { milliseconds } from '../options/milliseconds.ts'
import { toStatement } from '../query/query.ts'
import { one } from '../query/result-shapes.ts'
import { jobOf } from './job.ts'
import type { HeldLease, NamedLock } from './unit-of-work.ts'
import type { LeaseOptions, LockOptions } from './unit-options.ts'
import { assertLeaseOptions, assertLockOptions } from './option-checks.ts'
import type { LeasedUnits, UnitRunner } from './unit-runner.ts'

/** MySQL's limit on the name of a lock, in characters. */
const LONGEST_NAME = 64

/** Tries for a lock whose holder is gone when it is asked for. */
const TRIES = 3

type LeaseFunctions = Pick<HeldLease, 'lock' | 'native' | 'close' | typeof Symbol.asyncDispose>

/** See `UnitOfWork.lease`. The functions are those that a lease has beyond a unit of work. */
export async function holdLease(
  units: UnitRunner,
  options: LeaseOptions,
): Promise<{ readonly units: UnitRunner; readonly functions: LeaseFunctions }> {
  assertLeaseOptions(options)
  const leased = await units.leased(options)
  const locks = new LeaseLocks(leased)
  const close = async (): Promise<void> => {
    leased.units.assertOutside()
    await leased.source.end(async (open) => {
      if (locks.none) return
      const transaction = await open({ ...ENDING, event: eventOf(leased) })
      refuse(await transaction.send(locks.releases()))
      await transaction.rollback()
    })
  }
  return {
    units: leased.units,
    functions: {
      lock: (name: string, lock: LockOptions = {}) => locks.take(name, lock),
      native: async <T>(use: (connection: unknown) => Promise<T>): Promise<T> => {
        try {
          return await leased.units.lend(() => leased.source.native(use))
        } catch (error) {
          throw leadToCaller(error)
        }
      },
      close,
      [Symbol.asyncDispose]: close,
    },
  }
}

const ENDING = { options: {}, signal: undefined, leaks: undefined }

function eventOf({ unit }: LeasedUnits): UnitEvent {
  return { unit, access: 'run', flights: 0, attempts: 1 }
}

function refuse(answers: readonly Answer[]): void {
  const error = answers.find((answer) => answer instanceof LeaseholdError)
  if (error !== undefined) throw error
}

/** The named locks of one lease. */
class LeaseLocks {
  readonly #leased: LeasedUnits
  readonly #names = new Set<string>()
  /** Locks that may have been given, and could not be released since, as after the abort of the lease's signal. */
  readonly #doubted = new Set<string>()

  constructor(leased: LeasedUnits) {
    this.#leased = leased
  }

  async take(name: string, { wait = 0, ...others }: LockOptions): Promise<NamedLock> {
    assertLockOptions({ wait, ...others })
    assertName(name)
    const seconds = Math.ceil(milliseconds('wait', wait) / 1_000)
    if (this.#names.has(name)) {
      throw new UsageError(`lock: ${this.#leased.name} has the lock ${abridged(name)} already`)
    }
    this.#names.add(name)
    try {
      await this.#take(name, seconds)
    } catch (error) {
      this.#names.delete(name)
      // Without an answer, or interrupted, the server may have given the lock.
      if (!(error instanceof LockError)) await this.#run('release', name).catch(() => this.#doubted.add(name))
      throw leadToCaller(error)
    }
    const release = (): Promise<void> => this.#release(name)
    return {
      name,
      release,
      [Symbol.asyncDispose]: () => release().catch(() => {}),
    }
  }

  get none(): boolean {
    return this.#names.size === 0 && this.#doubted.size === 0
  }

  /** The statements that release all locks. */
  releases(): readonly StatementCommand[] {
    const { locks } = this.#leased.source.driver
    return [...new Set([...this.#names, ...this.#doubted])].map((name) => ({
      type: 'statement',
      statement: toStatement(locks.release(name)),
      label: `release of lock ${abridged(name)}`,
    }))
  }

  async #take(name: string, seconds: number): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      if (Number(await this.#run('take', name, tries === 1 ? seconds : 0)) === 1) return
      const found = await this.#run('holder', name)
      if (found === null && tries < TRIES) continue
      const holder = found === null ? undefined : Number(found)
      const by = holder === undefined ? 'another session had it' : `connection ${holder} has it`
      throw new LockError(
        name,
        holder,
        `lock ${abridged(name)} was not given to ${this.#leased.name} within ${seconds} s: ${by}; wait longer, or skip the work`,
      )
    }
  }

  async #release(name: string): Promise<void> {
    if (!this.#names.delete(name)) return
    if (Number(await this.#run('release', name)) === 1) return
    throw new LockError(
      name,
      undefined,
      `lock ${abridged(name)} was not held by ${this.#leased.name} any more when it was released: raw SQL has released it`,
    )
  }

  /** The value that one of the driver's statements for locks gives. */
  async #run(step: 'take' | 'release' | 'holder', name: string, seconds = 0): Promise<unknown> {
    const { locks } = this.#leased.source.driver
    const query = one(locks[step](name, seconds))
      .map((row) => Object.values(row as Readonly<Record<string, unknown>>)[0])
      .named(`${step} lock ${abridged(name)}`)
    // Locks need no transaction; one that only reads has no COMMIT to wait for.
    return this.#leased.units.run(jobOf(query), { accessMode: 'read only', retry: false }, 'run')
  }
}

function assertName(name: unknown): void {
  const expected = `lock: expected a name of 1 to ${LONGEST_NAME} characters`
  if (typeof name !== 'string')
    throw new UsageError(`${expected}, got ${name === null ? 'null' : typeof name}`)
  if (!name.isWellFormed()) throw new UsageError(`${expected}, got one with half a surrogate pair`)
  const { length } = Array.from(name)
  if (length < 1 || length > LONGEST_NAME) throw new UsageError(`${expected}, got ${length} characters`)
}
