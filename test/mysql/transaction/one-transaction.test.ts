/** A unit has one transaction, from its first statement to its last, whatever fails, is attempted or streamed in it. */
import { all, attempt, type Executor, fail, many, one, program } from '@leasehold/core'
import { startFaultProxy } from '@leasehold/test-support/fault-proxy'
import { commandOf, startRecordingProxy } from '@leasehold/test-support/recording-proxy'
import { mysqlBuilder } from '@leasehold/mysql'
import { sql } from 'kysely'
import { createConnection } from 'mysql2/promise'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { accounts, type Database, db, eventually, UNTOUCHED, useFixture } from '../support/fixture.ts'
import { withRival } from '../support/rival.ts'

const fixture = useFixture()
/** A table of more rows than come together. */
const crowds = mysqlBuilder<Database & { crowd: { id: number; filling: string } }>()
beforeAll(async () => {
  await fixture.rows('create table crowd (id int primary key, filling varchar(2000) not null)')
  const crowd = Array.from({ length: 300 }, (_, index) => [index + 1, 'x'.repeat(2_000)])
  await fixture.rows('insert into crowd values ?', [crowd])
  await fixture.rows(
    'create function add_one(account int) returns int modifies sql data begin ' +
      'update accounts set cents = cents + 1 where id = account; return 1; end',
  )
  await fixture.rows(
    'create function hiding(account int) returns int modifies sql data begin do add_one(account); return 1; end',
  )
  await fixture.rows('create view hiding_view as select hiding(9) as n')
  await fixture.rows(
    'create procedure swallowing() begin declare continue handler for 1213 begin end; ' +
      'update accounts set cents = 0 where id = 9; update accounts set cents = 0 where id = 2; end',
  )
  await fixture.rows(
    'create procedure restarting() begin commit; start transaction; update accounts set cents = 0 where id = 2; end',
  )
})
afterAll(async () => {
  await fixture.rows('drop table crowd')
  await fixture.rows('drop view hiding_view')
  await fixture.rows('drop function hiding')
  await fixture.rows('drop function add_one')
  await fixture.rows('drop procedure swallowing')
  await fixture.rows('drop procedure restarting')
})
beforeEach(() => fixture.restore())

const failing = () => one(db.selectFrom('accounts').select('id').where('id', '=', 404))
const refused = () => many(db.selectFrom('accounts').select(sql<number>`nothing_of_the_kind`.as('x')))

/** Whether another session could change account 1 now. */
async function isFree(): Promise<boolean> {
  await fixture.rows('set innodb_lock_wait_timeout = 1')
  return fixture.rows('select id from accounts where id = 1 for update').then(
    () => true,
    () => false,
  )
}

describe.each([true, false])('with pipeline: %s', (pipeline) => {
  const uow = () => fixture.uow({ pipeline, pool: { max: 1 } })

  test('read stays read only behind an attempt that failed', async () => {
    const calling = () => many(db.selectNoFrom(sql<number>`add_one(1)`.as('x')))
    for (const first of [failing, refused]) {
      const work = program(function* () {
        yield* attempt(first())
        yield* attempt(attempt(refused()))
        return yield* attempt(calling())
      })
      expect(await uow().read(work)).toMatchObject({ ok: false, error: { kind: 'read-only' } })
    }
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })

  test('serializable stays serializable behind an attempt that failed', async () => {
    await uow().run(
      async (q) => {
        await q(attempt(refused()))
        await q(attempt(attempt(refused())))
        await q(accounts.byId(1))
        expect(await isFree()).toBe(false)
      },
      { isolationLevel: 'serializable' },
    )
  })

  test('the locks of a stream are kept behind an attempt, and behind raw SQL', async () => {
    await uow().run(async (q) => {
      const locking = db.selectFrom('accounts').selectAll().where('id', '=', 1).forUpdate()
      for await (const row of q.stream(locking)) expect(row.id).toBe(1)
      await q(attempt(refused()))
      await q(sql`set @a = 1`.compile(db))
      await q(attempt(accounts.add(2, 1)))
      expect(await isFree()).toBe(false)
    })
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 2: 101 })
  })

  test('a procedure that commits and begins again is noticed', async () => {
    const work = all([accounts.add(1, 1), sql`call restarting()`.compile(db)])
    await expect(uow().run(work)).rejects.toMatchObject({
      name: 'ImplicitCommitError',
      sql: 'call restarting()',
    })
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101 })
  })

  test('a procedure that goes on after a deadlock is noticed, and what it did then is undone', async () => {
    await withRival(fixture, async (rival) => {
      const unit = uow().run(async (q) => {
        await q(accounts.add(8, 1))
        await rival.waitForUnit()
        await q(sql`call swallowing()`.compile(db))
      })
      await expect(unit).rejects.toMatchObject({ name: 'ImplicitCommitError' })
    })
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })

  test('a deadlock that MariaDB’s DO hides is noticed, in an attempt too', async () => {
    const calling = () => many(sql`do add_one(9)`.compile(db))
    for (const call of [calling, () => attempt(calling())]) {
      await withRival(fixture, async (rival) => {
        const unit = uow().run(async (q) => {
          await q(accounts.add(8, 1))
          await rival.waitForUnit()
          await q(call())
        })
        await expect(unit).rejects.toMatchObject(
          fixture.server.kind === 'mariadb' ? { name: 'ImplicitCommitError' } : { kind: 'deadlock' },
        )
      })
      expect(await fixture.balances()).toEqual(UNTOUCHED)
    }
  })

  test.each(['a select', 'a view', 'a stream'])(
    'a deadlock that a DO in a function hides is noticed: %s',
    async (how) => {
      const builder = mysqlBuilder<Database & { hiding_view: { n: number } }>()
      const call = () => builder.selectNoFrom(sql<number>`hiding(9)`.as('n'))
      await withRival(fixture, async (rival) => {
        const unit = uow().run(async (q) => {
          await q(accounts.add(8, 1))
          await rival.waitForUnit()
          if (how === 'a stream') for await (const _ of q.stream(call()));
          else await q(how === 'a view' ? builder.selectFrom('hiding_view').selectAll() : call())
          await q(accounts.add(7, 1))
        })
        await expect(unit).rejects.toMatchObject(
          fixture.server.kind === 'mariadb' ? { name: 'ImplicitCommitError' } : { kind: 'deadlock' },
        )
      })
      expect(await fixture.balances()).toEqual(UNTOUCHED)
    },
  )

  test('a stream that is left behind a deadlock fails the unit', async () => {
    const rows = () => many(crowds.selectFrom('crowd').selectAll().orderBy('id').forUpdate())
    const { host, port, user, password } = fixture.server
    const rival = await createConnection({ host, port, user, password, database: fixture.database.name })
    try {
      await rival.query('begin')
      // InnoDB sacrifices the transaction that changed fewer rows.
      const more = Array.from({ length: 1_000 }, (_, index) => [`rival ${index}`, 0])
      await rival.query('insert into accounts (name, cents) values ?', [more])
      await rival.query('update crowd set filling = upper(filling) where id > 290')
      const waiting =
        "select 1 from information_schema.innodb_trx where trx_state = 'LOCK WAIT' and trx_query like '%crowd%'"
      const unit = uow().run(async (q) => {
        await q(accounts.add(1, 1))
        for await (const { id } of q.stream(rows())) {
          if (id > 1) break
          // The table is made anew for who has not read it for 100 ms.
          await eventually(async () => {
            await sleep(150)
            return (await fixture.rows(waiting)).length > 0
          })
          await rival.query("update crowd set filling = '' where id = 1")
        }
      })
      await expect(unit).rejects.toMatchObject({ kind: 'deadlock' })
      await rival.query('rollback')
    } finally {
      rival.destroy()
    }
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })

  test('a stream that is cut by the unit’s end throws in its loop, even if the body swallows it', async () => {
    let ended: unknown
    let seen = 0
    const single = uow()
    // The time is not to be spent on a connection.
    await single.run(accounts.all())
    const body = single.run(
      async (q) => {
        const digits = db
          .selectFrom(['accounts as a', 'accounts as b', 'accounts as c', 'accounts as d', 'accounts as e'])
          .select('a.id')
        try {
          for await (const _ of q.stream(digits)) {
            seen += 1
            if (seen % 256 === 0) await sleep(20)
          }
          ended = 'normally'
        } catch (error) {
          ended = (error as Error).name
        }
      },
      { timeout: 300 },
    )
    await expect(body).rejects.toMatchObject({ name: 'DeadlineError' })
    await expect.poll(() => ended, { timeout: 5_000 }).toBe('DeadlineError')
    expect(seen).toBeLessThan(9 ** 5)
  })

  test('no stream is begun in a unit that is doomed', async () => {
    const proxy = await startRecordingProxy({ target: fixture.server })
    const through = fixture.uow({ pipeline, host: proxy.host, port: proxy.port })
    const body = through.run(async (q) => {
      const rows = q.stream(db.selectFrom('accounts').selectAll().where('cents', '>', 4_711)).batches()
      const late = q(refused()).catch(() => {})
      await expect(rows.next()).rejects.toMatchObject({ kind: 'unknown-name' })
      await late
    })
    await expect(body).rejects.toMatchObject({ kind: 'unknown-name' })
    const texts = proxy.conversations.flatMap(({ packets }) =>
      packets.map((one) => commandOf(one)?.sql ?? ''),
    )
    expect(texts.filter((text) => text.includes('`cents` > '))).toEqual([])
    await through.close()
    await proxy.stop()
  })
})

test('a deadlock behind a failure that an attempt would survive is what the unit fails with', async () => {
  await withRival(fixture, async (rival) => {
    const unit = fixture.uow({ pipeline: true }).run(async (q) => {
      await q(accounts.lock(8))
      await rival.waitForUnit()
      await q(attempt(all([accounts.open('account 7', 1), accounts.add(9, 1)])))
    })
    await expect(unit).rejects.toMatchObject({ kind: 'deadlock' })
  })
  expect(await fixture.balances()).toEqual(UNTOUCHED)
})

test('a connection lost in ROLLBACK TO is told as that, and the unit is run again', async () => {
  let cuts = 0
  const proxy = await startRecordingProxy({
    target: fixture.server,
    onPacket(packet) {
      if (cuts > 0 || commandOf(packet)?.sql?.startsWith('ROLLBACK TO') !== true) return 'forward'
      cuts += 1
      return 'cut'
    },
  })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true })
  const work = all([attempt(accounts.open('account 7', 1)), accounts.add(1, 1)])
  expect(await uow.run(work)).toMatchObject([{ ok: false, error: { kind: 'duplicate-key' } }, 1])
  expect(cuts).toBe(1)
  expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101 })
  await expect(uow.run(work, { retry: false })).resolves.toBeDefined()
  await uow.close()
  await proxy.stop()
})

test('a call whose connection is lost is not repeated unless asked', async () => {
  await fixture.rows(
    'create procedure counting() begin update accounts set cents = cents + 1 where id = 1; commit; do sleep(0.2); end',
  )
  const proxy = await startFaultProxy({ target: fixture.server })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true })
  await uow.run(accounts.byId(1))
  const cut = sleep(100).then(() => proxy.links[0]?.cut())
  await expect(uow.run(sql`call counting()`.compile(db))).rejects.toMatchObject({
    name: 'ConnectionLostError',
    attempts: 1,
  })
  await cut
  expect((await fixture.balances())[1]).toBe(101)
  await fixture.rows('drop procedure counting')
  await uow.close()
  await proxy.stop()
})

describe.each([true, false])('what may have been committed, with pipeline: %s', (pipeline) => {
  test('is not run again by default, whatever it failed with', async () => {
    const bodies = {
      by_1243: 'commit; execute nosuch',
      by_1213: "commit; signal sqlstate '40001' set mysql_errno = 1213",
      by_1020: "commit; signal sqlstate 'HY000' set mysql_errno = 1020",
    }
    for (const [name, body] of Object.entries(bodies)) {
      await fixture.restore()
      await fixture.rows(`create procedure ${name}() begin ${body}; end`)
      const work = all([accounts.add(1, 1), sql.raw(`call ${name}()`).compile(db)])
      const error: unknown = await fixture
        .uow({ pipeline })
        .run(work)
        .catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ attempts: 1 })
      expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101 })
      await fixture.rows(`drop procedure ${name}`)
    }
  })

  test('is told when the unit was stopped meanwhile', async () => {
    await fixture.restore()
    await fixture.rows(
      "create procedure late() begin update accounts set cents = 7 where id = 1; commit; do sleep(0.3); signal sqlstate '40001' " +
        'set mysql_errno = 1213; end',
    )
    const stopped = fixture.uow({ pipeline }).run(sql`call late()`.compile(db), { timeout: 290 })
    await expect(stopped).rejects.toMatchObject({ name: 'ImplicitCommitError', attempts: 1 })
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 7 })
    await fixture.rows('drop procedure late')
  })

  test.runIf(pipeline)('is told when another statement of its flight had failed before', async () => {
    await fixture.restore()
    await fixture.rows(
      "create procedure behind() begin update accounts set cents = 7 where id = 1; commit; signal sqlstate '40001' " +
        'set mysql_errno = 1213; end',
    )
    const failed = fixture
      .uow({ pipeline })
      .run(all([accounts.open('account 1', 1), sql`call behind()`.compile(db)]), { retry: true })
    await expect(failed).rejects.toMatchObject({
      name: 'ImplicitCommitError',
      cause: { kind: 'duplicate-key' },
    })
    await expect(failed).rejects.toThrow('may have ended the transaction')
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 7 })
    await fixture.rows('drop procedure behind')
  })

  test('is told when it was run again and then failed otherwise', async () => {
    await fixture.restore()
    await fixture.rows(
      "create procedure once() begin update accounts set cents = 7 where id = 1; commit; signal sqlstate '40001' " +
        'set mysql_errno = 1213; end',
    )
    let run = 0
    const work = program(function* () {
      run += 1
      if (run === 2) yield* fail(new Error('something else'))
      yield* many(sql`call once()`.compile(db))
    })
    await expect(fixture.uow({ pipeline }).run(work, { retry: true })).rejects.toMatchObject({
      kind: 'deadlock',
      attempts: 2,
    })
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 7 })
    await fixture.rows('drop procedure once')
  })

  test('is told of behind a lock timeout', async () => {
    await fixture.rows(
      'create procedure waiting() begin commit; set innodb_lock_wait_timeout = 1; ' +
        'update accounts set cents = 0 where id = 9; end',
    )
    await withRival(fixture, async () => {
      const work = all([accounts.add(1, 1), attempt(sql`call waiting()`.compile(db))])
      await expect(fixture.uow({ pipeline }).run(work)).rejects.toMatchObject({
        name: 'ImplicitCommitError',
        cause: { kind: 'lock-timeout' },
      })
    })
    expect(await fixture.balances()).toEqual({ ...UNTOUCHED, 1: 101 })
    await fixture.rows('drop procedure waiting')
  })

  test('an own EXECUTE of what was not prepared is no conflict, and can be survived', async () => {
    const uow = fixture.uow({ pipeline, pool: { max: 1 } })
    expect(await uow.run(attempt(sql`execute nosuch`.compile(db)))).toMatchObject({
      ok: false,
      error: { kind: 'other', errno: 1243 },
    })
    expect(uow.stats().created).toBe(1)
  })

  test('a stream that the end of the body cuts throws in its loop', async () => {
    const loops: Promise<void>[] = []
    let seen = 0
    const loop = async (q: Executor): Promise<void> => {
      const many5 = db
        .selectFrom(['accounts as a', 'accounts as b', 'accounts as c', 'accounts as d', 'accounts as e'])
        .select('a.id')
      for await (const _ of q.stream(many5)) {
        seen += 1
        if (seen % 256 === 0) await sleep(20)
      }
    }
    await fixture.uow({ pipeline }).run(async (q) => {
      loops.push(loop(q))
      await Promise.race([...loops, sleep(100)])
    })
    await expect(loops[0]).rejects.toMatchObject({ name: 'UsageError' })
    expect(seen).toBeLessThan(9 ** 5)
  })
})
