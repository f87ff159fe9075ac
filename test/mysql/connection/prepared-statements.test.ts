/** Texts that are asked for again are prepared, and only who watches the wire can tell. */
import {
  affected,
  all,
  createUnitOfWork,
  fail,
  many,
  one,
  program,
  type Query,
  type UnitOfWork,
} from '@leasehold/core'
import { mysqlBuilder, mysqlDriver, type MysqlDriverOptions } from '@leasehold/mysql'
import { commandOf, type RecordingProxy, startRecordingProxy } from '@leasehold/test-support/recording-proxy'
import { startServer } from '@leasehold/test-support/server'
import { type ExpressionBuilder, sql } from 'kysely'
import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { accounts, type Database, db, UNTOUCHED, useFixture } from '../support/fixture.ts'

const fixture = useFixture()
let proxy: RecordingProxy

beforeAll(async () => {
  proxy = await startRecordingProxy({ target: fixture.server })
})
afterAll(() => proxy.stop())
beforeEach(() => fixture.restore())

/** Runs queries of one session, and tells what was sent for each: q(uery), p(repare), e(xecute), c(lose), r(eset). */
class Session {
  readonly uow: UnitOfWork

  constructor(options: Partial<MysqlDriverOptions> = {}) {
    this.uow = fixture.uow({ host: proxy.host, port: proxy.port, pool: { max: 1 }, ...options })
  }

  async read(query: Query<unknown, 'read'>): Promise<string> {
    const before = this.#sent().length
    await this.uow.read(query)
    return this.#sent().slice(before)
  }

  #sent(): string {
    const packets = proxy.conversations.at(-1)?.packets ?? []
    const commands = packets.map(commandOf).filter((command) => !CONTROL.test(command?.sql ?? ''))
    return commands.map((command) => LETTERS[command?.name ?? ''] ?? '').join('')
  }
}

/** Not of interest here. */
const CONTROL = /^(?:START TRANSACTION|COMMIT|SET)/

const LETTERS: Readonly<Record<string, string>> = {
  COM_QUERY: 'q',
  COM_STMT_PREPARE: 'p',
  COM_STMT_EXECUTE: 'e',
  COM_STMT_CLOSE: 'c',
  COM_RESET_CONNECTION: 'r',
}

const USES = ['first', 'second', 'third', 'fourth']

test('a text that was used twice is prepared ahead of the next unit, and run from then on', async () => {
  const session = new Session()
  await session.uow.run(accounts.all())
  expect(await session.read(accounts.byId(1))).toBe('q')
  expect(await session.read(accounts.byId(2))).toBe('q')
  expect(await session.read(accounts.byId(2))).toBe('pq')
  expect(await session.read(all([accounts.byId(3), accounts.byId(4)]))).toBe('ee')
})

test('nothing is prepared inside of a unit, where an error could have ended its transaction', async () => {
  const { uow } = new Session()
  const before = proxy.conversations.length
  for (const _ of USES) {
    await uow.run(async (q) => {
      for (const id of [1, 2, 3]) await q(accounts.add(id, 1))
      await q(accounts.byId(1))
    })
  }
  const packets = proxy.conversations.slice(before).flatMap((conversation) => conversation.packets)
  // `b` for what belongs to a unit, `c` for its COMMIT, `p` for a PREPARE.
  const letters = packets.map((packet) => {
    const { name = '', sql = '' } = commandOf(packet) ?? {}
    if (name === 'COM_STMT_PREPARE') return 'p'
    if (sql === 'COMMIT') return 'c'
    return name === 'COM_STMT_EXECUTE' || /^(?:update|select `)/.test(sql) ? 'b' : ''
  })
  expect(letters.join('')).toMatch(/^(?:p*b+c){4}p*$/)
  expect(letters.filter((letter) => letter === 'p')).toHaveLength(2)
})

test('without pipelining, and when none are wanted, everything is text', async () => {
  for (const options of [{ pipeline: false }, { preparedStatements: 0 }]) {
    const session = new Session(options)
    await session.uow.run(accounts.all())
    for (const use of USES) expect([use, await session.read(accounts.byId(1))]).toEqual([use, 'q'])
  }
})

test('the text that was used longest ago makes room', async () => {
  const session = new Session({ preparedStatements: 2 })
  const named = many(db.selectFrom('accounts').select('id').where('name', '=', 'account 1'))
  await session.uow.run(accounts.all())
  const prepare = async (query: Query<unknown, 'read'>): Promise<string> => {
    for (const _ of ['first', 'second', 'third']) await session.read(query)
    return session.read(query)
  }
  expect(await prepare(accounts.byId(1))).toBe('e')
  expect(await prepare(named)).toBe('e')
  expect(await session.read(accounts.byId(1))).toBe('e')
  expect(await prepare(accounts.all())).toBe('e')
  expect(await session.read(accounts.byId(1))).toBe('e')
  expect(await session.read(named)).toBe('q')
})

test('what is no more of one size than the last time is not prepared', async () => {
  const session = new Session()
  await session.uow.run(accounts.all())
  const long = one(
    db
      .selectFrom('accounts')
      .selectAll()
      .where('id', '=', 1)
      .where(
        'id',
        'in',
        Array.from({ length: 5_000 }, (_, id) => id),
      ),
  )
  for (const use of USES) expect([use, await session.read(long)]).toEqual([use, 'q'])
})

test('a session that was reset has nothing prepared', async () => {
  const session = new Session()
  for (let use = 0; use < 4; use += 1) await session.uow.run(accounts.byId(1))
  await session.uow.run(sql`set @left = 1`.compile(db))
  expect(await session.uow.run(accounts.byId(1))).toMatchObject({ id: 1 })
  expect(await session.read(accounts.byId(1))).toBe('q')
  expect(await session.read(accounts.byId(1))).toBe('pq')
})

test('a failure of a prepared statement is that of its text', async () => {
  const { uow } = new Session()
  const add = () => accounts.open('account 1', 5)
  const seen: unknown[] = []
  for (let use = 0; use < 4; use += 1) {
    const failed = uow.run(all([accounts.add(1, 5), add()]))
    seen.push(await failed.catch((error: unknown) => ({ ...(error as object), unit: undefined })))
  }
  expect(seen[0]).toMatchObject({ kind: 'duplicate-key', errno: 1062, label: 'accounts.open', index: 1 })
  expect(new Set(seen.map((error) => JSON.stringify(error))).size).toBe(1)
  expect(await fixture.balances()).toEqual(UNTOUCHED)
})

test('a table that has changed under a prepared statement is read as it is', async () => {
  const { uow } = new Session()
  await fixture.rows('create table changing (id int, a int)')
  await fixture.rows('insert into changing values (1, 5)')
  const changing = db.$extendTables<{ changing: { id: number } }>()
  const read = () => uow.run(many(changing.selectFrom('changing').selectAll().where('id', '=', 1)))
  for (let use = 0; use < 4; use += 1) expect(await read()).toEqual([{ id: 1, a: 5 }])
  await fixture.rows('alter table changing modify a varchar(10), add b double')
  await fixture.rows('update changing set b = 0.1')
  expect(await read()).toEqual([{ id: 1, a: '5', b: 0.1 }])
})

const NUMBERS = [
  1,
  -1,
  0.1,
  1e-7,
  2 ** 53,
  1e21,
  2n ** 53n + 1n,
  2n ** 64n - 1n,
  2n ** 64n,
  -(2n ** 63n),
  true,
]

test('a number means the same in its text and as a parameter', async () => {
  await fixture.rows('create table numbers (i decimal(65, 10), f double, s varchar(50))')
  await fixture.rows(
    "insert into numbers values (1, 0.1, '01'), (9007199254740993, 1e21, '1a'), (-1, 1e-7, null)",
  )
  const numbers = db.$extendTables<{ numbers: { i: number | bigint; f: number; s: string | number } }>()
  const { uow } = new Session()
  const found = (value: number) =>
    many(
      numbers
        .selectFrom('numbers')
        .selectAll()
        .where((e) => e.or([e('i', '>=', value), e('f', '=', value), e('s', '=', value)])),
    )
  const unit = program(function* () {
    const rows = yield* all(NUMBERS.map((value) => found(value as number)))
    yield* all(
      NUMBERS.map((value) =>
        numbers.updateTable('numbers').set((e) => ({ f: e('f', '*', value as number) })),
      ),
    )
    const changed = yield* many(numbers.selectFrom('numbers').select('f'))
    yield* fail(new Seen([rows, changed]))
  })
  const first = await seenBy(uow, unit)
  for (const _ of USES) expect(await seenBy(uow, unit)).toEqual(first)
})

describe('what is stored is the same, whatever a statement was run with before', () => {
  type Table = { kept: { s: string | number; i: number; d: string | number } }
  type Stored = ExpressionBuilder<Database & Table, 'kept'>
  const stored = db.$extendTables<Table>()
  const set = (change: object) => affected(stored.updateTable('kept').set(change))

  beforeEach(async () => {
    await fixture.rows('create table if not exists kept (s varchar(80), i int, d decimal(20, 10))')
    await fixture.rows('delete from kept')
    await fixture.rows("insert into kept values ('5', 7, 10)")
  })

  test.each<[string, (value: number) => Query<unknown>]>([
    ['as it is', (value) => set({ s: value, d: value })],
    ['added up', (value) => set({ d: (e: Stored) => e(e('d', '+', value), '*', value) as never })],
    ['divided', (value) => set({ d: (e: Stored) => e(e.val(value), '/', 3) as never })],
    [
      'in a sum that is divided',
      (value) => set({ d: (e: Stored) => e(e('i', '+', value), '/', 3) as never }),
    ],
    ['by a function', (value) => set({ s: (e: Stored) => e.fn('round', [e.val(value), e.lit(1)]) as never })],
    ['cast', (value) => set({ s: (e: Stored) => e.cast(e.val(value), 'char(20)') as never })],
    [
      'chosen',
      (value) => set({ s: (e: Stored) => e.case().when('i', '>', 0).then(value).else(1).end() as never }),
    ],
    [
      'where it is like',
      (value) => affected(stored.updateTable('kept').set({ i: 1 }).where('s', 'like', String(value))),
    ],
    [
      'where a number is like',
      (value) =>
        affected(
          stored
            .updateTable('kept')
            .set({ i: 1 })
            .where('s', 'like', value as never),
        ),
    ],
  ])('%s', async (_, change) => {
    const unit = (value: number) =>
      program(function* () {
        yield* change(value)
        const rows = yield* many(stored.selectFrom('kept').selectAll())
        yield* fail(new Seen(rows))
      })
    const inText = fixture.uow({ pool: { max: 1 }, preparedStatements: 0 })
    const { uow } = new Session()
    for (const value of [5, 5, 5, 5, 0.5, 1.55, 5, 0.5]) {
      expect([value, await seenBy(uow, unit(value))]).toEqual([value, await seenBy(inText, unit(value))])
    }
  })
})

class Seen extends Error {
  readonly what: unknown

  constructor(what: unknown) {
    super('rolls the unit back')
    this.what = what
  }
}

async function seenBy(uow: UnitOfWork, unit: Query<unknown>): Promise<unknown> {
  const error = await uow.run(unit).catch((thrown: unknown) => thrown)
  return error instanceof Seen ? error.what : error
}

test('parameters whose type would show, or that would be the place of a column, stay text', async () => {
  const session = new Session()
  await session.uow.run(accounts.all())
  const selected = db.selectNoFrom((e) => e.val(1).as('x'))
  const raw = db
    .selectFrom('accounts')
    .selectAll()
    .where(sql<boolean>`cents / ${3} > 1`)
  const ordered = db
    .selectFrom('accounts')
    .selectAll()
    .orderBy(sql`${1}`)
  for (const query of [selected, raw, ordered]) {
    for (const use of USES) expect([use, await session.read(many(query))]).toEqual([use, 'q'])
  }
})

test('a session that has lost what it had prepared is replaced, and the unit run again', async () => {
  let losing = false
  const forgetful = await startRecordingProxy({
    target: fixture.server,
    // As behind a proxy that has put another session in its place, which never heard of the statement.
    onPacket(packet, { packets }) {
      if (losing && commandOf(packet)?.name === 'COM_STMT_EXECUTE')
        packet.payload.writeUInt32LE(packets.length + 1_000, 1)
      return 'forward'
    },
  })
  const uow = fixture.uow({ host: forgetful.host, port: forgetful.port, pool: { max: 1 } })
  for (const _ of USES) await uow.run(accounts.byId(1))
  losing = true
  expect(await uow.run(accounts.byId(1))).toMatchObject({ id: 1 })
  expect(uow.stats()).toMatchObject({ created: 2, open: 1, discarded: { spent: 1 } })
  losing = false
  for (const _ of USES) expect(await uow.run(accounts.add(1, 1))).toBe(1)
  await uow.close()
  await forgetful.stop()
})

test('a limit may be a parameter', async () => {
  const { uow } = new Session()
  for (let use = 0; use < 4; use += 1) {
    expect(await uow.run(db.selectFrom('accounts').select('id').orderBy('id').limit(2).offset(1))).toEqual([
      { id: 2 },
      { id: 3 },
    ])
  }
})

test('when the server has no room for another, the text goes on being sent', async () => {
  // A limit of the whole server, so it takes one that no other test uses.
  const server = await startServer({ kind: inject('serverKind') })
  const admin = await createConnection(server.uri())
  await admin.query('set global max_prepared_stmt_count = 1')
  const uow = createUnitOfWork({ driver: mysqlDriver({ uri: server.uri(), pool: { max: 1 } }) })
  const echo = (name: string) => one(db.selectNoFrom(sql.lit(name).as(name)))
  try {
    for (let use = 0; use < 4; use += 1) {
      expect(await uow.run(all([echo('a'), echo('b')]))).toEqual([{ a: 'a' }, { b: 'b' }])
    }
    const [rows] = await admin.query("show global status like 'Prepared_stmt_count'")
    expect(rows).toMatchObject([{ Value: '1' }])
  } finally {
    await uow.close()
    await admin.end()
    await server.stop()
  }
})

test('what raw SQL has changed holds for the statements behind it, prepared ones too', async () => {
  const { name: database } = fixture.database
  const uow = fixture.uow({ pool: { max: 1 } })
  await fixture.oracle.query(`create database if not exists ${database}_b`)
  await fixture.oracle.query(`create table ${database}_b.accounts like ${database}.accounts`)
  await fixture.oracle.query(`insert into ${database}_b.accounts values (1, 'of tenant b', 7)`)
  try {
    for (const _ of USES) await uow.run(all([accounts.add(1, 0), accounts.byId(1)]))
    const inOther = await uow.run(async (q) => {
      await q(sql`use ${sql.ref(`${database}_b`)}`.compile(db))
      await q(accounts.add(1, 1))
      return q(accounts.byId(1))
    })
    expect(inOther).toEqual({ id: 1, name: 'of tenant b', cents: 8 })
    expect(await fixture.balances()).toEqual(UNTOUCHED)
    for (const _ of USES) await uow.run(accounts.byId(1))
    const [, together] = await uow.run(
      all([sql`use ${sql.ref(`${database}_b`)}`.compile(db), accounts.byId(1)]),
    )
    expect(together).toMatchObject({ name: 'of tenant b' })
  } finally {
    await fixture.oracle.query(`drop database ${database}_b`)
  }
})

test('a boolean is compared with JSON as its literal is', async () => {
  await fixture.oracle.query('create table docs (id int primary key, doc json)')
  await fixture.oracle.query("insert into docs values (1, 'true'), (2, '1')")
  const docs = mysqlBuilder<{ docs: { id: number; doc: unknown } }>()
  const equal = (value: unknown) => many(docs.selectFrom('docs').select('id').where('doc', '=', value))
  const uow = fixture.uow({ pool: { max: 1 } })
  const text = await fixture.uow({ preparedStatements: 0 }).run(equal(true))
  for (const _ of USES) expect(await uow.run(equal(true))).toEqual(text)
  await fixture.oracle.query('drop table docs')
})

test('a number among strings changes nothing for the strings that come later', async () => {
  const uow = fixture.uow({ pool: { max: 1 } })
  const named = (name: unknown) =>
    many(
      db
        .selectFrom('accounts')
        .select('id')
        .where('name', '=', name as string),
    )
  for (const _ of USES) await uow.run(named('nobody'))
  await uow.run(named(0))
  for (const _ of USES) expect(await uow.run(named('nobody'))).toEqual([])
})

test('a FLOAT, and a number of so many decimals, has the digits of the server’s text, halves to the even one', async () => {
  const { uow } = new Session()
  const values = [1_000_005, 1_000_015, 1_000_025, -1_000_005, 2.5, 0.1, 16_777_215, 1.5e-7]
  await fixture.rows('create table measured (id int primary key, f float, d double(10,1))')
  for (const [id, value] of values.entries())
    await fixture.rows('insert into measured values (?, ?, ?)', [id, value, value])
  const things = mysqlBuilder<{ measured: { id: number; f: number; d: number } }>()
  const select = () =>
    many(
      things
        .selectFrom('measured')
        .select((e) => [
          'f',
          'd',
          e('d', '/', e.lit(32)).as('divided'),
          e('d', '*', e.ref('d')).as('squared'),
        ])
        .orderBy('id'),
    )
  const text = await uow.run(select())
  expect(text.map(({ f }) => f).slice(0, 3)).toEqual([1_000_000, 1_000_020, 1_000_020])
  for (let use = 0; use < 4; use += 1) expect(await uow.run(select())).toEqual(text)
  await fixture.rows('drop table measured')
})
