import { affected, all, many, one, type Query, ResultError, UsageError } from '@leasehold/core'
import { commandOf, startRecordingProxy } from '@leasehold/test-support/recording-proxy'
import { type RawBuilder, sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { accounts, db, UNTOUCHED, useFixture } from '../support/fixture.ts'

const fixture = useFixture()
beforeEach(() => fixture.restore())

const value = <T>(expression: RawBuilder<T>) =>
  one(db.selectNoFrom(expression.as('value'))).map((row) => row.value)

const PROFILE = {
  autocommit: sql<number>`@@autocommit`,
  completionType: sql<string>`@@completion_type`,
  timeZone: sql<string>`@@time_zone`,
  client: sql<string>`@@character_set_client`,
  connection: sql<string>`@@character_set_connection`,
  results: sql<string>`@@character_set_results`,
  sqlMode: sql<string>`@@sql_mode`,
  variable: sql`@leftover`,
  database: sql<string>`database()`,
}

/** Everything of the session that the next lessee depends on. */
function profile(): Query<Record<string, unknown>> {
  // MariaDB 10.11 has the older name only.
  const isolation = sql.raw(fixture.server.kind === 'mariadb' ? '@@tx_isolation' : '@@transaction_isolation')
  const columns = Object.entries<RawBuilder<unknown>>({ ...PROFILE, isolation })
  return one(db.selectNoFrom(columns.map(([name, expression]) => expression.as(name))))
}

test('a session is set up for units', async () => {
  expect(await fixture.uow().run(profile())).toMatchObject({
    autocommit: 0,
    completionType: 'NO_CHAIN',
    timeZone: '+00:00',
    client: 'utf8mb4',
    variable: null,
  })
})

describe('what a unit leaves behind is gone for the next', () => {
  test.each([
    'set @leftover = 1',
    'select @leftover := 1 as x',
    'set session time_zone = "+05:00"',
    "set session sql_mode = 'NO_BACKSLASH_ESCAPES'",
    'set session transaction isolation level read uncommitted',
    'create temporary table accounts (id int)',
    "prepare leftover from 'select 1'",
  ])('%s', async (text) => {
    const uow = fixture.uow({ pool: { max: 1 } })
    const before = await uow.run(profile())
    const session = await uow.run(value(sql`connection_id()`))
    await uow.run(async (q) => q(sql.raw(text).compile(db))).catch(() => {})
    expect(await uow.run(profile())).toEqual(before)
    expect(await uow.run(accounts.all())).toHaveLength(9)
    // The session was cleaned, not replaced.
    expect(await uow.run(value(sql`connection_id()`))).toBe(session)
  })

  // A reset keeps the database that was chosen, and COMMIT AND CHAIN leaves a transaction open.
  test.each(['use information_schema', 'set completion_type = 1'])('%s, by another session', async (text) => {
    const uow = fixture.uow({ pool: { max: 1 } })
    const before = await uow.run(profile())
    await uow.run(async (q) => q(sql.raw(text).compile(db)))
    expect(await uow.run(profile())).toEqual(before)
  })

  test('a user lock, at once, and taken in a builder', async () => {
    const uow = fixture.uow({ pool: { max: 1 } })
    await uow.run(value(sql`get_lock('leftover', 0)`))
    // Waits for it, so a lock that only goes with the session would time out.
    expect(await fixture.rows("select get_lock('leftover', 5) as got")).toEqual([{ got: 1 }])
    await fixture.oracle.query("do release_lock('leftover')")
  })

  describe('a user lock that a stored function takes', () => {
    beforeAll(() =>
      fixture.oracle.query(
        'create function `take ä` (name varchar(50)) returns int reads sql data return get_lock(name, 0)',
      ),
    )
    afterAll(() => fixture.oracle.query('drop function `take ä`'))
    const taking = sql<number>`\`take ä\`('leftover')`
    const failing = sql<number>`(select 1 union select 2)`
    const uows = [{ pipeline: true }, { pipeline: false }]

    async function isFree(): Promise<boolean> {
      const [row] = await fixture.rows<{ got: number }>("select get_lock('leftover', 5) as got")
      await fixture.oracle.query("do release_lock('leftover')")
      return row?.got === 1
    }

    test.each(uows)('in a builder, %j', async (options) => {
      const uow = fixture.uow({ pool: { max: 1 }, ...options })
      await uow.run(value(taking))
      expect(await isFree()).toBe(true)
    })

    test.each(uows)('in a write, %j', async (options) => {
      const uow = fixture.uow({ pool: { max: 1 }, ...options })
      await uow.run(affected(db.updateTable('accounts').set({ cents: taking }).where('id', '=', 1)))
      expect(await isFree()).toBe(true)
    })

    test.each(uows)('in a statement that fails, %j', async (options) => {
      const uow = fixture.uow({ pool: { max: 1 }, ...options })
      const both = db.selectNoFrom([taking.as('taken'), failing.as('failing')])
      await expect(uow.run(one(both))).rejects.toMatchObject({ errno: 1242 })
      expect(await isFree()).toBe(true)
    })

    test('in a statement whose plan is asked for', async () => {
      const uow = fixture.uow({ pool: { max: 1 } })
      const derived = db.selectNoFrom(taking.as('taken')).as('derived')
      await uow.explain(many(db.selectFrom(derived).selectAll()))
      expect(await isFree()).toBe(true)
    })

    test.each(uows)('in a stream that is broken off, %j', async (options) => {
      const uow = fixture.uow({ pool: { max: 1 }, ...options })
      const rows = db
        .selectFrom('accounts')
        .select(['id', taking.as('taken')])
        .orderBy('id')
      for await (const row of uow.stream(many(rows))) {
        expect(row.id).toBe(1)
        break
      }
      expect(await isFree()).toBe(true)
    })
  })

  test('state that a trigger or function set', async () => {
    const uow = fixture.uow({ pool: { max: 1 } })
    await fixture.oracle.query(
      'create trigger leaves before update on accounts for each row set @leftover = new.id',
    )
    try {
      await uow.run(accounts.add(1, 1))
      expect(await uow.run(value(sql`@leftover`))).toBeNull()
    } finally {
      await fixture.oracle.query('drop trigger leaves')
    }
  })
})

test('a dirty session is reset once, a clean one never', async () => {
  const proxy = await startRecordingProxy({ target: fixture.server })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true, pool: { max: 1 } })
  const sent = (): string[] =>
    (proxy.conversations[0]?.packets ?? []).flatMap((packet) => {
      const command = commandOf(packet)
      return command === undefined ? [] : [command.sql?.split(' ')[0]?.toLowerCase() ?? command.name]
    })
  await uow.run(all([accounts.add(1, 1), accounts.add(2, 1)]))
  await uow.read(all([accounts.byId(1), accounts.byId(2)]))
  await expect(uow.run(accounts.open('account 1', 1).map(String))).rejects.toThrow('Duplicate')
  const clean = sent()
  await uow.run((q) => q(sql`set @leftover = 1`.compile(db)))
  await uow.run(accounts.add(1, 1))
  expect(clean.filter((name) => name === 'set' || name === 'COM_RESET_CONNECTION')).toEqual(['set'])
  expect(sent().slice(clean.length)).toEqual([
    'savepoint',
    'set',
    'release',
    'commit',
    'COM_RESET_CONNECTION',
    'set',
    'select',
    'update',
    'commit',
  ])
  await uow.close()
  await proxy.stop()
})

test('a session on which functions ran that are built in is clean', async () => {
  const proxy = await startRecordingProxy({ target: fixture.server })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pool: { max: 1 } })
  const { fn } = db
  const summary = db
    .selectFrom('accounts')
    .select([fn.countAll().as('n'), fn.coalesce(fn.sum('cents'), sql`0`).as('sum')])
    .select(sql`date_format(now(), '%Y')`.as('year'))
    .select(sql`cast(max(id) as decimal(10, 2))`.as('highest'))
    .select(sql`json_extract('[1]', '$[0]')`.as('first'))
  await uow.run(one(summary))
  await uow.run(
    affected(
      db
        .insertInto('accounts')
        .values({ id: 1, name: sql`concat('a', upper('b'))`, cents: 1 })
        .onDuplicateKeyUpdate({ cents: sql`values(cents)` }),
    ),
  )
  await uow.run(
    many(
      db
        .with('a(b)', (d) => d.selectFrom('accounts').select('id as b'))
        .selectFrom('a')
        .selectAll(),
    ),
  )
  const names = proxy.conversations[0]?.packets.map((packet) => commandOf(packet)?.name)
  expect(names).not.toContain('COM_RESET_CONNECTION')
  await uow.close()
  await proxy.stop()
})

test('a failed unit leaves no transaction and no lock', async () => {
  const uow = fixture.uow({ pool: { max: 1 } })
  await expect(uow.run(all([accounts.add(1, 1), accounts.open('account 1', 1)]))).rejects.toThrow('Duplicate')
  await fixture.oracle.query('set innodb_lock_wait_timeout = 1')
  await fixture.oracle.query('update accounts set cents = 100 where id = 1')
  expect(await fixture.balances()).toEqual(UNTOUCHED)
})

test.each([
  'names latin1',
  'character_set_connection = latin1',
  'collation_connection = latin1_swedish_ci',
  'character_set_results = latin1',
])('a session whose character set was changed is not used again: set %s', async (change) => {
  const uow = fixture.uow({ pool: { max: 1 } })
  const session = await uow.run(value(sql`connection_id()`))
  const changed = uow.run(
    all([accounts.add(1, 1), sql.raw(`set ${change}`).compile(db), accounts.open('ソ😀', 1)]),
  )
  await expect(changed).rejects.toThrow(UsageError)
  await expect(changed).rejects.toThrow(/set (character_set|collation)_\w+ to latin1/u)
  await expect(changed).rejects.toMatchObject({ attempts: 1 })
  expect(await uow.run(value(sql`connection_id()`))).not.toBe(session)
  expect(await uow.run(value(sql`${'ä😀'}`))).toBe('ä😀')
})

test('raw SQL that gives several result sets is refused, since the others would be lost', async () => {
  await fixture.oracle.query(
    'create procedure two() begin update accounts set cents = 0; select 1 as a; select 2 as b; end',
  )
  try {
    const uow = fixture.uow({ pool: { max: 1 } })
    const called = uow.run(many(sql`call two()`.compile(db)))
    await expect(called).rejects.toThrow(ResultError)
    await expect(called).rejects.toThrow('expected one result set, got 2: ')
    expect(await fixture.balances()).toEqual(UNTOUCHED)
    expect(uow.stats().created).toBe(1)
  } finally {
    await fixture.oracle.query('drop procedure two')
  }
})

describe('raw SQL that switches to another character set, while changes are not tracked', () => {
  const untracked = [
    "set session_track_system_variables = ''",
    'set session_track_state_change = 0',
    "set session_track_system_variables = '', session_track_state_change = 0",
    'call untracks()',
  ]
  const switches = [
    'set names gbk',
    'set character_set_client = gbk',
    'set @@collation_connection = gbk_chinese_ci',
    "execute immediate concat('set na', 'mes gbk')",
    'set character_set_results = null',
  ]

  test.each(untracked.flatMap((ahead) => switches.map((change) => [ahead, change] as const)))(
    '%s; %s',
    async (ahead, change) => {
      if (change.startsWith('execute') && fixture.server.kind !== 'mariadb') return
      await fixture.oracle.query('drop procedure if exists untracks')
      await fixture.oracle.query(
        "create procedure untracks() begin set session_track_state_change = 0; set session_track_system_variables = ''; end",
      )
      const uow = fixture.uow({ pool: { max: 1 } })
      const hostile = "\u7e17' or 1 = 1 -- "
      const unit = uow.run(async (q) => {
        await q(sql`${sql.raw(ahead)}`.compile(db))
        await q(sql`${sql.raw(change)}`.compile(db))
        return q(sql`select id from accounts where name = ${hostile}`.compile(db))
      })
      await expect(unit).rejects.toThrow(/set (character_set|collation)_\w+ to (gbk|NULL)/)
      expect(await uow.run(sql`select ${hostile} as text`.compile(db))).toEqual([{ text: hostile }])
    },
  )
})
