/* oxlint-disable vitest/no-standalone-expect -- the steps are run inside of the test */
import { setImmediate as turn } from 'node:timers/promises'
import { type Command, type Connection, type Driver, Statement } from '@leasehold/core'
import { mysqlDriver } from '@leasehold/mysql'
import { chooseSeed } from '@leasehold/test-support/seed'
import fc from 'fast-check'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { db, eventually, useFixture } from '../support/fixture.ts'

const fixture = useFixture()

const MAX = 3

/** What a pool is to anybody outside: who has a connection, and who waits for one in which order. */
interface Model {
  leased: number
  waiting: number
}

interface Lessee {
  readonly connection: Connection
  killed: boolean
}

interface Waiter {
  readonly controller: AbortController
  readonly lease: Promise<Connection>
  state: 'waiting' | 'served' | 'gone'
}

/** Waits for what takes some turns of the event loop only. */
async function soon(condition: () => boolean): Promise<void> {
  const end = performance.now() + 5_000
  while (!condition()) {
    if (performance.now() > end) throw new Error('the condition did not come true within 5 s')
    await turn()
  }
}

class Real {
  readonly driver: Driver = mysqlDriver({
    uri: fixture.database.uri,
    pipeline: true,
    pool: { max: MAX, acquireTimeout: 20_000 },
  })
  readonly lessees: Lessee[] = []
  readonly waiters: Waiter[] = []

  acquire(): Waiter {
    const controller = new AbortController()
    const lease = this.driver.acquire(controller.signal)
    const waiter: Waiter = { controller, lease, state: 'waiting' }
    lease.then(
      (connection) => {
        waiter.state = 'served'
        // Nobody who gave up may be given a connection.
        expect(controller.signal.aborted).toBe(false)
        expect(this.lessees.map((lessee) => lessee.connection)).not.toContain(connection)
        this.lessees.push({ connection, killed: false })
      },
      () => {
        waiter.state = 'gone'
      },
    )
    return waiter
  }

  /** Waits until the pool has done what the model says, and compares its figures. */
  async agreesWith(model: Model): Promise<void> {
    await soon(() => this.lessees.length === model.leased)
    const stats = this.driver.stats()
    expect(stats).toMatchObject({ leased: model.leased, waiting: model.waiting })
    expect(stats.open + stats.connecting).toBeLessThanOrEqual(MAX)
    expect(this.waiters.every(({ state }) => state === 'waiting')).toBe(true)
  }
}

/** The lessee that a random number stands for. */
const pick = <T>(items: readonly T[], random: number): T | undefined =>
  items[random % Math.max(1, items.length)]

const select = db.selectNoFrom(sql<number>`1`.as('one')).compile()
const soiling = sql`set @leftover = 1`.compile(db)
const command = (compiled: typeof select | typeof soiling): Command => ({
  type: 'statement',
  statement: new Statement(compiled, []),
  label: undefined,
})

type Step = fc.AsyncCommand<Model, Real>

class Acquire implements Step {
  check = (): boolean => true
  async run(model: Model, real: Real): Promise<void> {
    const waiter = real.acquire()
    if (model.leased < MAX) {
      model.leased += 1
    } else {
      model.waiting += 1
      real.waiters.push(waiter)
    }
    await real.agreesWith(model)
  }
  toString = (): string => 'acquire'
}

/** Ends a lease; the first who waits gets the next. */
class End implements Step {
  readonly #how: 'release' | 'discard'
  readonly #random: number

  constructor(how: 'release' | 'discard', random: number) {
    this.#how = how
    this.#random = random
  }

  check = (model: Readonly<Model>): boolean => model.leased > 0
  async run(model: Model, real: Real): Promise<void> {
    const lessee = pick(real.lessees, this.#random)
    if (lessee === undefined) return
    real.lessees.splice(real.lessees.indexOf(lessee), 1)
    const first = real.waiters.shift()
    if (this.#how === 'release') lessee.connection.release()
    else lessee.connection.discard(new Error('discarded by the test'))
    model.leased -= 1
    if (first !== undefined) {
      model.waiting -= 1
      model.leased += 1
      await first.lease
    }
    await real.agreesWith(model)
  }
  toString = (): string => this.#how
}

class GiveUp implements Step {
  readonly #random: number

  constructor(random: number) {
    this.#random = random
  }

  check = (model: Readonly<Model>): boolean => model.waiting > 0
  async run(model: Model, real: Real): Promise<void> {
    const waiter = pick(real.waiters, this.#random)
    if (waiter === undefined) return
    real.waiters.splice(real.waiters.indexOf(waiter), 1)
    waiter.controller.abort()
    model.waiting -= 1
    await expect(waiter.lease).rejects.toMatchObject({ name: 'AcquireError', reason: 'aborted' })
    await real.agreesWith(model)
  }
  toString = (): string => 'give up'
}

/** Uses a lease, in a way that leaves the session clean or dirty, or after the server has killed it. */
class Use implements Step {
  readonly #how: 'clean' | 'dirty' | 'killed'
  readonly #random: number

  constructor(how: 'clean' | 'dirty' | 'killed', random: number) {
    this.#how = how
    this.#random = random
  }

  check = (model: Readonly<Model>): boolean => model.leased > 0
  async run(model: Model, real: Real): Promise<void> {
    const lessee = pick(real.lessees, this.#random)
    if (lessee === undefined) return
    if (this.#how === 'killed' && !lessee.killed) {
      await fixture.oracle.query(`kill ${lessee.connection.id}`)
      lessee.killed = true
    }
    const flight = lessee.connection.fly([
      command(this.#how === 'dirty' ? soiling : select),
      { type: 'rollback' },
    ])
    if (lessee.killed) await expect(flight).rejects.toMatchObject({ name: 'ConnectionLostError' })
    else expect(await flight).toHaveLength(2)
    await real.agreesWith(model)
  }
  toString = (): string => `use (${this.#how})`
}

const random = fc.nat({ max: 1_000 })
const steps = [
  fc.constant(new Acquire()),
  fc.constant(new Acquire()),
  random.map((number) => new End('release', number)),
  random.map((number) => new End('discard', number)),
  random.map((number) => new GiveUp(number)),
  random.map((number) => new Use('clean', number)),
  random.map((number) => new Use('dirty', number)),
  random.map((number) => new Use('killed', number)),
]

test('the pool does what its model does, whatever the order, and its figures equal the list of sessions', async () => {
  const real = new Real()
  let runs = 0
  await fc.assert(
    fc.asyncProperty(fc.commands(steps, { maxCommands: 16 }), async (commands) => {
      const model: Model = { leased: 0, waiting: 0 }
      await fc.asyncModelRun(() => ({ model, real }), commands)
      for (const waiter of real.waiters.splice(0)) waiter.controller.abort()
      for (const { connection } of real.lessees.splice(0)) connection.release()
      await soon(() => {
        const { idle, open, connecting, waiting } = real.driver.stats()
        return idle === open && connecting === 0 && waiting === 0
      })
      runs += 1
      if (runs % 500 !== 0) return
      // The oracle's list is behind by those that are just leaving.
      await eventually(async () => (await fixture.sessions()).length === real.driver.stats().open)
    }),
    { numRuns: 10_000, seed: chooseSeed() },
  )
  await real.driver.close()
  expect(real.driver.stats()).toMatchObject({ open: 0, leased: 0, waiting: 0 })
}, 180_000)
