/** Errors lead to whoever asked: by the lines of their stacks, by their unit, by the statement, by what was violated. */
import {
  affected,
  attempt,
  createUnitOfWork,
  type Executor,
  LeaseholdError,
  many,
  one,
  program,
  type Query,
  type Queryable,
  type UnitOfWork,
} from '@leasehold/core'
import { mysqlDriver } from '@leasehold/mysql'
import { startFaultProxy } from '@leasehold/test-support/fault-proxy'
import { sql } from 'kysely'
import { tracingChannel } from 'node:diagnostics_channel'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accounts, db, useFixture } from '../support/fixture.ts'

const fixture = useFixture()
let uow: UnitOfWork
beforeAll(async () => {
  uow = fixture.uow()
  await fixture.rows(
    "create table branches (id int primary key, account int not null, size int not null, constraint `b'ig` check (size > 9), " +
      "unique key `by o'account` (account), constraint `of account` foreign key (account) references accounts (id))",
  )
  await fixture.rows('insert into branches values (1, 1, 10)')
  await fixture.rows('create procedure committing() begin commit; end')
})
afterAll(async () => {
  await fixture.rows('drop table branches')
  await fixture.rows('drop procedure committing')
})

const missing = () => many(sql`select * from nowhere`.compile(db))
const none = () => one(db.selectFrom('accounts').select('id').where('id', '=', 404))
const slow = () => many(sql`select sleep(10)`.compile(db))

async function failureOf(work: () => Promise<unknown>): Promise<LeaseholdError> {
  const error: unknown = await work().catch((failure: unknown) => failure)
  if (!(error instanceof LeaseholdError)) throw new Error(`expected a failure of ours, got ${String(error)}`)
  return error
}

/** The functions of this file that are named in the stack, in order. */
function functionsIn({ stack = '' }: Error): readonly string[] {
  return [...stack.matchAll(/at (?:async )?(handler|body|steps|loop) \(.*caller\.test\.ts:\d+:\d+\)/gu)].map(
    ([, name = '']) => name,
  )
}

describe('the stack of', () => {
  const run = (query: Queryable, options = {}) =>
    async function handler(): Promise<unknown> {
      return await uow.run(query, options)
    }
  const refusedConnection = createUnitOfWork({
    driver: mysqlDriver({ uri: 'mysql://nobody@127.0.0.1:1/none', pool: { acquireTimeout: 100 } }),
  })
  afterAll(() => refusedConnection.close())

  const failures: Readonly<Record<string, () => Promise<unknown>>> = {
    StatementError: run(missing()),
    ResultError: run(none()),
    DeadlineError: run(slow(), { timeout: 50 }),
    UsageError: run(many(sql`commit`.compile(db)).named('it'), { accessMode: 'read only' }),
    ImplicitCommitError: run(many(sql`call committing()`.compile(db))),
    async AcquireError() {
      return (async function handler() {
        await refusedConnection.run(none())
      })()
    },
    async ConnectionLostError() {
      const proxy = await startFaultProxy({ target: fixture.server })
      const through = fixture.uow({ host: proxy.host, port: proxy.port })
      await through.run(accounts.all())
      const handler = async (): Promise<void> => {
        await through.run(async (q) => {
          const asked = q(slow())
          setTimeout(() => proxy.links.forEach((link) => link.cut()), 50)
          await asked
        })
      }
      try {
        await handler()
      } finally {
        await proxy.stop()
      }
    },
  }

  test.each(Object.entries(failures))('a %s has the line that ran the unit', async (name, fail) => {
    const error = await failureOf(fail)
    expect(error.name).toBe(name)
    expect(functionsIn(error).at(-1)).toBe('handler')
    expect(error.stack).toMatch(new RegExp(`^${name}: .*\\n +at .*caller\\.test\\.ts`, 'u'))
  })

  test('a failure that an attempt survived has the line of q', async () => {
    const survived = await uow.run(async function body(q) {
      return await q(attempt(missing()))
    })
    expect(functionsIn((survived as { error: Error }).error)).toEqual(['body'])
  })

  test('what fails in a body has the line of q, and that of run', async () => {
    async function handler(): Promise<void> {
      await uow.run(async function body(q) {
        await q(accounts.byId(1))
        await q.all([accounts.byId(2), missing()])
      })
    }
    expect(functionsIn(await failureOf(handler))).toEqual(['body', 'handler'])
  })

  test('what fails in a program has the line of its yield*', async () => {
    const work = program(function* steps() {
      yield* accounts.byId(1)
      yield* missing()
    })
    const handler = async (): Promise<unknown> => await uow.run(work, { timeout: 10_000 })
    expect(functionsIn(await failureOf(handler))).toEqual(['steps', 'handler'])
  })

  test('what fails in a stream has the line of its loop', async () => {
    const rows = () => many(db.selectFrom('accounts').select(sql<number>`nothing`.as('x')))
    async function loop(): Promise<void> {
      for await (const _ of uow.stream(rows()));
    }
    expect(functionsIn(await failureOf(loop))).toEqual(['loop'])
    async function handler(): Promise<void> {
      await uow.run(async function body(q: Executor) {
        for await (const _ of q.stream(rows()));
      })
    }
    expect(functionsIn(await failureOf(handler))).toEqual(['body', 'handler'])
  })

  test('has them also while somebody listens to events', async () => {
    const none = (): void => {}
    const listener = { start: none, end: none, asyncStart: none, asyncEnd: none, error: none }
    const channel = tracingChannel('leasehold:unit')
    channel.subscribe(listener)
    try {
      expect(functionsIn(await failureOf(run(missing())))).toEqual(['handler'])
    } finally {
      channel.unsubscribe(listener)
    }
  })

  test('is as long as was asked for, whatever the error went through', async () => {
    const deep = (depth: number): Queryable =>
      depth === 0
        ? missing()
        : program(function* () {
            return yield* deep(depth - 1) as Query<unknown>
          })
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 3
    try {
      const handler = async (): Promise<unknown> => await uow.run(deep(40))
      const error = await failureOf(handler)
      expect(functionsIn(error)).toEqual(['handler'])
      expect(error.stack?.split('\n').length).toBeLessThan(50)
    } finally {
      Error.stackTraceLimit = stackTraceLimit
    }
  })
})

describe('an error', () => {
  test('tells its unit', async () => {
    const error = await failureOf(() => uow.run(missing(), { label: 'looking' }))
    expect(error.unit).toEqual({ id: expect.any(Number) as number, label: 'looking' })
  })

  test('that was caught has no unit yet, and then that of the one that it came out of first', async () => {
    const seen: unknown[] = []
    const other = fixture.uow()
    const error = await failureOf(() =>
      other.run(
        async (q) => {
          const tried = await q(attempt(missing()))
          if (!tried.ok && tried.error instanceof LeaseholdError) seen.push(tried.error.unit)
          await uow.run(missing(), { label: 'inner' })
        },
        { label: 'outer' },
      ),
    )
    expect(seen).toEqual([undefined])
    expect(error.unit?.label).toBe('inner')
  })

  test('of a result without a label tells the statement', async () => {
    const error = await failureOf(() => uow.run(none()))
    expect(error.message).toBe(
      'select `id` from `accounts` where `id` = ?: expected exactly one row, got none',
    )
    expect(error).toMatchObject({ label: undefined, sql: 'select `id` from `accounts` where `id` = ?' })
    const unread = await failureOf(() => uow.run(many(sql`select 9007199254740993`.compile(db))))
    expect(unread).toMatchObject({ name: 'ResultError', sql: 'select 9007199254740993' })
  })

  test.each([
    ['duplicate-key', 'PRIMARY', 'insert into branches values (1, 2, 10)'],
    ['duplicate-key', "by o'account", 'insert into branches values (2, 1, 10)'],
    ['duplicate-key', 'name', "update accounts set name = 'account 1' where id = 2"],
    ['foreign-key', 'of account', 'insert into branches values (2, 404, 10)'],
    ['foreign-key', 'of account', 'delete from accounts where id = 1'],
    ['check', "b'ig", 'insert into branches values (2, 2, 1)'],
    ['not-null', undefined, 'insert into branches values (2, null, 10)'],
  ])('that is a %s tells %s', async (kind, constraint, statement) => {
    const error = await failureOf(() => uow.run(affected(sql.raw(statement).compile(db))))
    expect(error).toMatchObject({ kind, constraint })
  })
})
