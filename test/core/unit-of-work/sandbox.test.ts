import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import {
  afterCommit,
  afterRollback,
  all,
  attempt,
  DeadlineError,
  loader,
  type Executor,
  many,
  program,
  type Query,
  succeed,
  type UnitOfWork,
  UsageError,
} from '@leasehold/core'
import { recordFlights, refusal, type Script } from '@leasehold/core/testing'
import { describe, expect, test } from 'vitest'
import { db } from '../support/accounts.ts'
import { failureOf, read, record, write } from '../support/unit.ts'

/** Code under test: it runs units by itself. */
const transfer = async (uow: UnitOfWork, name: string): Promise<number> => {
  const before = await uow.read(read('before'))
  await uow.run(
    program(function* () {
      yield* write(name)
      yield* write('more')
    }),
  )
  return before.length
}

describe('a sandbox', () => {
  test('gives what its body gives, and rolls back', async () => {
    const { uow, driver } = record({ answers: { a: 3 } })
    expect(await uow.sandbox((q) => q(write('a')))).toBe(3)
    expect(driver.journal).toEqual(['acquire', ['a'], ['rollback'], 'release'])
  })

  test('that fails rolls back as well, and the error comes out', async () => {
    const mine = new Error('mine')
    const { uow, driver } = record()
    const failing = uow.sandbox(async (q) => {
      await q(write('a'))
      throw mine
    })
    expect(await failureOf(failing)).toBe(mine)
    expect(driver.journal).toEqual(['acquire', ['a'], ['rollback'], 'release'])
  })

  test('that sends nothing takes no connection', async () => {
    const { uow, driver } = record()
    expect(await uow.sandbox(async (_, sandboxed) => sandboxed.run(succeed(1)))).toBe(1)
    expect(driver.journal).toEqual([])
  })

  test('takes the options of a transaction', async () => {
    const { uow, driver } = record()
    await uow.sandbox((q) => q(read('a')), { isolationLevel: 'serializable' })
    expect(driver.flights[0]?.[0]).toEqual({ type: 'begin', options: { isolationLevel: 'serializable' } })
  })

  test('calls the hooks of its own rollback, not of a commit that there is none of', async () => {
    const called: string[] = []
    await record().uow.sandbox((q) =>
      q.all([afterCommit(() => called.push('commit')), afterRollback(() => called.push('rollback'))]),
    )
    expect(called).toEqual(['rollback'])
  })
})

describe('units inside of a sandbox', () => {
  test('run behind savepoints, and do not commit', async () => {
    const { uow, driver } = record({ answers: { before: [{ id: 1 }] } })
    const rows = await uow.sandbox(async (q, sandboxed) => {
      await q(write('fixture'))
      const rows = await transfer(sandboxed, 'a')
      await q(read('after'))
      return rows
    })
    expect(rows).toBe(1)
    expect(driver.journal).toEqual([
      'acquire',
      ['fixture'],
      ['savepoint', 'before'],
      ['savepoint', 'a'],
      ['more'],
      ['after'],
      ['rollback'],
      'release',
    ])
  })

  test('that fail are rolled back to theirs, and the sandbox goes on', async () => {
    const { uow, driver } = record({ answers: { a: refusal('duplicate-key') } })
    const value = await uow.sandbox(async (q, sandboxed) => {
      const error = await failureOf(sandboxed.run(write('b').andThen(() => write('a'))))
      expect(error).toMatchObject({ kind: 'duplicate-key', label: 'a' })
      const mine = new Error('mine')
      const failing = sandboxed.run(async (q) => {
        await q(write('c'))
        throw mine
      })
      expect(await failureOf(failing)).toBe(mine)
      return q(write('d'))
    })
    expect(value).toBe(1)
    const savepoints = driver.flights.flat().flatMap((command) => ('name' in command ? [command.name] : []))
    expect(driver.sent).toEqual([
      'savepoint',
      'b',
      'a',
      'rollback to',
      'savepoint',
      'c',
      'rollback to',
      'd',
      'rollback',
    ])
    expect(savepoints[0]).toBe(savepoints[1])
    expect(savepoints[2]).toBe(savepoints[3])
    expect(savepoints[0]).not.toBe(savepoints[2])
  })

  test('call their hooks when they end', async () => {
    const called: string[] = []
    const { uow } = record({ answers: { bad: refusal() } })
    await uow.sandbox(async (_, sandboxed) => {
      const hooked = (name: string) =>
        all([
          write(name),
          afterCommit(() => called.push(`${name} committed`)),
          afterRollback(() => called.push(`${name} rolled back`)),
        ])
      await sandboxed.run(hooked('good'))
      called.push('then')
      await failureOf(sandboxed.run(hooked('bad')))
    })
    expect(called).toEqual(['good committed', 'then', 'bad rolled back'])
  })

  test('come one after the other, and not among what q sends', async () => {
    const { uow, driver } = record()
    await uow.sandbox(async (q, sandboxed) => {
      const slow = sandboxed.run(async (q) => {
        await q(write('a1'))
        await turn()
        await turn()
        await q(write('a2'))
      })
      await Promise.all([slow, sandboxed.run(write('b').andThen(() => write('b2'))), q(write('c'))])
    })
    const names = driver.sent.filter((name) => !['savepoint', 'rollback'].includes(name))
    expect(names).toEqual(['c', 'a1', 'a2', 'b', 'b2'])
  })

  test('nest no deeper by run, but by sandbox', async () => {
    const { uow, driver } = record()
    await uow.sandbox(async (_, sandboxed) => {
      expect(await failureOf(sandboxed.run(() => sandboxed.run(write('a'))))).toBeInstanceOf(UsageError)
      const value = await sandboxed.sandbox(async (q, innermost) => {
        await innermost.run(write('b'))
        return q(write('c'))
      })
      expect(value).toBe(1)
    })
    expect(driver.sent).toEqual(['savepoint', 'savepoint', 'b', 'c', 'rollback to', 'rollback'])
  })

  test('are read only with read', async () => {
    const { uow, driver } = record()
    const locking = many(db.selectFrom('accounts').selectAll().forUpdate())
    const refused = uow.sandbox((_, sandboxed) => sandboxed.read(locking))
    expect(await failureOf(refused)).toBeInstanceOf(UsageError)
    expect(driver.journal).toEqual([])
  })

  test('can be explained', async () => {
    const { uow, driver } = record()
    const plans = await uow.sandbox((_, sandboxed) => sandboxed.explain(write('a')))
    expect(plans).toHaveLength(1)
    expect(driver.sent).toEqual(['savepoint', 'explain', 'a', 'rollback to', 'rollback'])
  })

  test('write and find outcome keys, and attempt', async () => {
    const { uow, driver } = record({ answers: { bad: refusal() } })
    await uow.sandbox(async (_, sandboxed) => {
      await sandboxed.run(attempt(write('bad')), { outcomeKey: 'a' })
      await sandboxed.outcome('a')
    })
    expect(driver.journal.slice(1, -1)).toEqual([
      ['savepoint', 'leasehold.outcome'],
      ['savepoint', 'bad'],
      ['rollback to'],
      ['savepoint', 'leasehold.outcome'],
      ['rollback'],
    ])
  })

  test('whose transaction the server ended end the sandbox', async () => {
    const answers = { bad: refusal('deadlock'), 'rollback to': refusal('other', 1_305) }
    const { uow, driver } = record({ answers })
    const failing = uow.sandbox(async (q, sandboxed) => {
      expect(await failureOf(sandboxed.run(write('bad')))).toMatchObject({ kind: 'deadlock' })
      expect(await failureOf(q(write('a')))).toBeInstanceOf(UsageError)
      expect(await failureOf(sandboxed.run(write('b')))).toBeInstanceOf(UsageError)
    })
    expect(await failureOf(failing)).toMatchObject({ kind: 'deadlock', attempts: 1 })
    expect(driver.sent).toEqual(['savepoint', 'bad', 'rollback'])
  })

  test('count their flights, in the context of their caller', async () => {
    const { uow } = record()
    const context = new AsyncLocalStorage<string>()
    await uow.sandbox(async (q, sandboxed) => {
      await q(write('a'))
      const seen = await context.run('mine', () =>
        sandboxed.run(async () => Promise.resolve(context.getStore())),
      )
      expect(seen).toBe('mine')
      const { flights } = await recordFlights(() => transfer(sandboxed, 'b'))
      expect(flights.map((flight) => flight.map(({ label, type }) => label ?? type))).toEqual([
        ['savepoint', 'before'],
        ['savepoint', 'b'],
        ['more'],
      ])
    })
  })

  test('may change what loaders of the sandbox know', async () => {
    const { uow, driver } = record({ answers: { a: [{ id: 1 }] } })
    const byId = loader(
      (ids: readonly number[]) => many(db.selectFrom('accounts').select('id').where('id', 'in', ids)),
      (row) => row.id,
    )
    await uow.sandbox(async (q, sandboxed) => {
      const load = byId.load(1).named('a')
      await q(load)
      await q(load)
      await sandboxed.run(write('b'))
      await q(load)
    })
    expect(driver.sent).toEqual(['a', 'savepoint', 'b', 'a', 'rollback'])
  })

  test('give rows as a stream, after which the sandbox goes on', async () => {
    const { uow, driver } = record({ answers: { a: [{ id: 1 }, { id: 2 }] } })
    const rows: unknown[] = []
    await uow.sandbox(async (q, sandboxed) => {
      for await (const row of q.stream(read('a'))) rows.push(row)
      for await (const row of sandboxed.stream(read('a'))) rows.push(row, await q(write('b')))
      await sandboxed.read(async (q) => {
        for await (const row of q.stream(read('a'))) rows.push(row)
      })
    })
    expect(rows).toEqual([{ id: 1 }, { id: 2 }, { id: 1 }, 1, { id: 2 }, 1, { id: 1 }, { id: 2 }])
    expect(driver.sent.filter((name) => name !== 'savepoint')).toEqual(['a', 'a', 'b', 'b', 'a', 'rollback'])
  })

  test('of another unit of work are none of its units', async () => {
    const another = record()
    await record().uow.sandbox(() => another.uow.run(write('a')))
    expect(another.driver.commits).toBe(1)
  })
})

describe('a mistake is told', () => {
  test.each<[string, (uow: UnitOfWork, q: Executor, sandboxed: UnitOfWork) => Promise<unknown>, RegExp]>([
    [
      'the unit of work that has the sandbox',
      (uow) => uow.run(write('a')),
      /its changes would be committed.*sandboxed/,
    ],
    [
      "the sandbox's q inside of one of its units",
      (_, q, sandboxed) => sandboxed.run(async () => q(write('a'))),
      /use the q of that unit/,
    ],
    [
      "the sandbox's q.all inside of one of its units",
      (_, q, sandboxed) => sandboxed.run(async () => q.all([write('a')])),
      /use the q of that unit/,
    ],
    [
      "the sandbox's q.stream inside of one of its units",
      (_, q, sandboxed) => sandboxed.run(() => q.stream(read('a')).batches().next()),
      /use the q of that unit/,
    ],
  ])('%s', async (_, work, message) => {
    const { uow, driver } = record()
    const error = await failureOf(uow.sandbox((q, sandboxed) => work(uow, q, sandboxed)))
    expect(error).toBeInstanceOf(UsageError)
    expect((error as Error).message).toMatch(message)
    expect(driver.journal).toEqual([])
  })

  test('a unit while rows are on their way', async () => {
    const { uow } = record({ answers: { a: [{ id: 1 }] } })
    const error = await failureOf(
      uow.sandbox(async (q, sandboxed) => {
        for await (const { id } of q.stream(read('a'))) await sandboxed.run(write(`a${id}`))
      }),
    )
    expect(error).toBeInstanceOf(UsageError)
    expect((error as Error).message).toMatch(/within the loop of its q\.stream/)
  })

  test('a use after the end of the sandbox', async () => {
    const { uow, driver } = record()
    let escaped: UnitOfWork | undefined
    await uow.sandbox(async (_, sandboxed) => {
      escaped = sandboxed
      await sandboxed.close()
      await sandboxed.run(write('a'))
    })
    expect(await failureOf(escaped?.run(write('b')) ?? Promise.resolve())).toEqual(
      new UsageError('the sandbox has ended: await every unit inside of it'),
    )
    expect(driver.sent).toEqual(['savepoint', 'a', 'rollback'])
  })
})

describe('a deadline', () => {
  const script: Script = { delay: (flight) => (flight === 1 ? Promise.resolve() : new Promise(() => {})) }

  test('of a unit inside ends that unit alone', async () => {
    const { uow, driver } = record({ delay: (flight) => (flight === 2 ? new Promise(() => {}) : sleep(1)) })
    const stuck = write('a').andThen(() => write('b'))
    await uow.sandbox(async (q, sandboxed) => {
      expect(await failureOf(sandboxed.run(stuck, { timeout: 20 }))).toBeInstanceOf(DeadlineError)
      await sandboxed.run(write('c'))
      await q(write('d'))
    })
    const savepoints = ['savepoint', 'a', 'b', 'rollback to', 'savepoint', 'c']
    expect(driver.sent).toEqual([...savepoints, 'd', 'rollback'])
  })

  test('of a unit inside is undone though a KILL QUERY meets that', async () => {
    const undo = ({ before }: { readonly before: number }) => (before < 2 ? refusal('killed', 1_317) : {})
    const { uow, driver } = record({ answers: { a: refusal('duplicate-key'), 'rollback to': undo } })
    await uow.sandbox(async (q, sandboxed) => {
      expect(await failureOf(sandboxed.run(write('a')))).toMatchObject({ kind: 'duplicate-key' })
      await q(write('d'))
    })
    const undone = ['rollback to', 'rollback to', 'rollback to']
    expect(driver.sent).toEqual(['savepoint', 'a', ...undone, 'd', 'rollback'])
  })

  test('of a unit inside that can not be undone in time ends all', async () => {
    const { uow, driver } = record(script)
    const stuck = write('a').andThen(() => write('b'))
    const sandbox = uow.sandbox(async (q, sandboxed) => {
      expect(await failureOf(sandboxed.run(stuck, { timeout: 20 }))).toBeInstanceOf(DeadlineError)
      await q(write('d'))
    })
    expect(await failureOf(sandbox)).toMatchObject({
      name: 'UsageError',
      cause: { name: 'ConnectionLostError' },
    })
    expect(driver.sent).toEqual(['savepoint', 'a', 'b', 'rollback to'])
    expect(driver.discarded).toHaveLength(1)
  })

  test.each<[string, (query: Query<number>, uow: UnitOfWork) => Promise<unknown>]>([
    ['of the sandbox', (query, uow) => uow.sandbox((_, sandboxed) => sandboxed.run(query), { timeout: 20 })],
    [
      'while a unit inside waits for something else',
      (_, uow) => uow.sandbox((_, sandboxed) => sandboxed.run(() => new Promise(() => {})), { timeout: 20 }),
    ],
  ])('%s ends all of it', async (_, work) => {
    const { uow } = record(script)
    const stuck = write('a').andThen(() => write('b'))
    expect(await failureOf(work(stuck, uow))).toBeInstanceOf(DeadlineError)
  })
})

test('a unit that ends well when its sandbox has been stopped is told what that failed with', async () => {
  const { uow } = record()
  const called: string[] = []
  const gate = Promise.withResolvers<void>()
  let inner: Promise<unknown> | undefined
  const sandbox = uow.sandbox(
    async (_, sandboxed) => {
      inner = sandboxed.run(async (q) => {
        await q(
          all([
            write('a'),
            afterCommit(() => called.push('commit')),
            afterRollback(() => called.push('rollback')),
          ]),
        )
        await gate.promise
        return 'value'
      })
      await inner
    },
    { timeout: 20 },
  )
  expect(await failureOf(sandbox)).toMatchObject({ name: 'DeadlineError' })
  gate.resolve()
  expect(await failureOf(inner ?? Promise.resolve())).toMatchObject({ name: 'DeadlineError' })
  expect(called).toEqual(['rollback'])
})
