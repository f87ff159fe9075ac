import {
  afterCommit,
  createUnitOfWork,
  type ExplainedStatement,
  type Executor,
  type UnitOfWork,
} from '@leasehold/core'
import { mysqlDriver } from '@leasehold/mysql'
import type { UpdateResult } from 'kysely'
import { describe, expectTypeOf, test } from 'vitest'
import { type Account, accounts, db, driver, uow } from './shop.ts'

describe('run and read', () => {
  test('give the result of a query, of a builder, or of a body', () => {
    expectTypeOf(uow.run(accounts.byId(1))).toEqualTypeOf<Promise<Account>>()
    expectTypeOf(uow.run(accounts.builder())).toEqualTypeOf<Promise<{ id: number }[]>>()
    expectTypeOf(uow.run(db.updateTable('entries').set({ cents: 1 }))).toEqualTypeOf<
      Promise<UpdateResult[]>
    >()
    expectTypeOf(uow.run(afterCommit(() => {}))).toEqualTypeOf<Promise<void>>()
    expectTypeOf(uow.run(() => Promise.resolve(1))).toEqualTypeOf<Promise<number>>()
    expectTypeOf(uow.read(accounts.byId(1))).toEqualTypeOf<Promise<Account>>()
    expectTypeOf(uow.read(async (q) => (await q(accounts.byId(1))).name)).toEqualTypeOf<Promise<string>>()
  })

  test('refuse what is neither', () => {
    // @ts-expect-error -- a string
    void uow.run('select 1')
    // @ts-expect-error -- a promise of a query
    void uow.run(Promise.resolve(accounts.byId(1)))
    // @ts-expect-error -- a list of queries: all makes one of it
    void uow.run([accounts.byId(1)])
    // @ts-expect-error -- a body that is not async
    void uow.run(() => 1)
    // @ts-expect-error -- a repository function that was not called
    void uow.run(accounts.byId)
    // @ts-expect-error -- a promise of a query
    void uow.read(Promise.resolve(accounts.byId(1)))
  })

  test('take the options of a transaction; read is read only', () => {
    void uow.run(accounts.byId(1), {
      isolationLevel: 'serializable',
      accessMode: 'read write',
      snapshot: true,
      label: 'a',
    })
    void uow.read(accounts.byId(1), { isolationLevel: 'read committed', snapshot: true, label: 'a' })
    // @ts-expect-error -- no such level
    void uow.run(accounts.byId(1), { isolationLevel: 'chaos' })
    // @ts-expect-error -- no such option
    void uow.run(accounts.byId(1), { isolation: 'serializable' })
    // @ts-expect-error -- not for read
    void uow.read(accounts.byId(1), { accessMode: 'read write' })
  })
})

describe('q', () => {
  test('gives the result of a query or a builder', () => {
    void uow.run(async (q) => {
      expectTypeOf(q).toEqualTypeOf<Executor>()
      expectTypeOf(await q(accounts.byId(1))).toEqualTypeOf<Account>()
      expectTypeOf(await q(accounts.builder())).toEqualTypeOf<{ id: number }[]>()
      expectTypeOf(await q.all([accounts.freeze(1), accounts.find(1)])).toEqualTypeOf<
        [number, { name: string } | undefined]
      >()
      expectTypeOf(await q.all({ a: accounts.freeze(1) })).toEqualTypeOf<{ a: number }>()
      expectTypeOf(await Promise.all([q(accounts.freeze(1)), q(accounts.byId(1))])).toEqualTypeOf<
        [number, Account]
      >()
    })
  })

  test('refuses what is no query', () => {
    void uow.run(async (q) => {
      // @ts-expect-error -- a string
      await q('select 1')
      // @ts-expect-error -- a promise
      await q(Promise.resolve(accounts.byId(1)))
      // @ts-expect-error -- a function that was not called
      await q(accounts.byId)
      // @ts-expect-error -- a list: q.all takes it
      await q([accounts.byId(1)])
      // @ts-expect-error -- one query: q takes it
      await q.all(accounts.byId(1))
      // @ts-expect-error -- an element is a promise
      await q.all([Promise.resolve(accounts.byId(1))])
    })
  })
})

test('createUnitOfWork takes a driver, of @leasehold/mysql for instance', () => {
  createUnitOfWork({ driver, onHookError: (error, unit) => void [error, unit.id, unit.label] })
  createUnitOfWork({ driver: mysqlDriver({ uri: 'mysql://localhost/test' }) })
  // @ts-expect-error -- no driver
  createUnitOfWork({})
  // @ts-expect-error -- not a driver
  createUnitOfWork({ driver: {} })
})

describe('a held unit', () => {
  test('runs queries as q does, until it is ended', async () => {
    const unit = await uow.begin({ label: 'a' })
    expectTypeOf(await unit(accounts.byId(1))).toEqualTypeOf(await uow.run(accounts.byId(1)))
    expectTypeOf(unit.commit()).toEqualTypeOf<Promise<void>>()
  })

  test('takes only reads if it is read only', async () => {
    const unit = await uow.begin({ accessMode: 'read only' })
    await unit(accounts.byId(1))
    // @ts-expect-error it writes
    await unit(accounts.freeze(1))
  })

  test('is not repeated', () => {
    // @ts-expect-error nothing can repeat the code that holds it
    void uow.begin({ retry: true })
  })
})

describe('defaults', () => {
  test('a derived unit of work is one', () => {
    expectTypeOf(
      uow.with({ timeout: 5, tags: { request: 'a' }, signal: undefined }),
    ).toEqualTypeOf<UnitOfWork>()
  })

  test('are no options of a single unit', () => {
    // @ts-expect-error the access mode is that of run or read
    uow.with({ accessMode: 'read only' })
    // @ts-expect-error a key belongs to one unit
    uow.with({ outcomeKey: 'a' })
    // @ts-expect-error tags are text
    uow.with({ tags: { id: 7 } })
  })
})

describe('sandbox and explain', () => {
  test('a sandbox gives what its body gives, and hands over q and a unit of work', () => {
    const value = uow.sandbox(async (q, sandboxed) => {
      expectTypeOf(q).toEqualTypeOf<Executor>()
      expectTypeOf(sandboxed).toEqualTypeOf<UnitOfWork>()
      return sandboxed.run(accounts.byId(1))
    })
    expectTypeOf(value).toEqualTypeOf<Promise<Account>>()
    // @ts-expect-error -- a query is no body
    void uow.sandbox(accounts.byId(1))
    // @ts-expect-error -- nothing of it is committed
    void uow.sandbox((q) => q(accounts.byId(1)), { outcomeKey: 'a' })
  })

  test('explain gives plans, of queries', () => {
    expectTypeOf(uow.explain(accounts.builder())).toEqualTypeOf<Promise<readonly ExplainedStatement[]>>()
    // @ts-expect-error -- a body
    void uow.explain(() => Promise.resolve(1))
  })
})
