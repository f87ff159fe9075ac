import { Statement } from '@leasehold/core'
import { type CompiledQuery, createQueryId, type OperationNode, sql } from 'kysely'
import { describe, expect, test } from 'vitest'
import { db } from '../support/accounts.ts'

const accounts = db.selectFrom('accounts').selectAll()
const row = { ownerName: 'Ann', cents: 1 }

function statement(compilable: { compile(): CompiledQuery }): Statement {
  return new Statement(compilable.compile(), [])
}

function explained(compilable: { toOperationNode(): OperationNode }): Statement {
  const node = { ...compilable.toOperationNode(), explain: { kind: 'ExplainNode' } }
  return new Statement(db.getExecutor().compileQuery(node as never, createQueryId()), [])
}

describe('kind', () => {
  test.each([
    ['read', 'select', statement(accounts)],
    ['read', 'union', statement(accounts.unionAll(accounts))],
    ['read', 'explain of a select', explained(accounts)],
    ['read', 'explain of a locking select', explained(accounts.forUpdate())],
    ['locking read', 'for update', statement(accounts.forUpdate())],
    ['locking read', 'for update of … skip locked', statement(accounts.forUpdate('accounts').skipLocked())],
    ['locking read', 'for share', statement(accounts.forShare())],
    ['locking read', 'lock in share mode', statement(accounts.modifyEnd(sql`LOCK IN SHARE MODE`))],
    [
      'locking read',
      'a derived table for update',
      statement(db.selectFrom(accounts.forUpdate().as('d')).selectAll()),
    ],
    [
      'locking read',
      'a CTE for update',
      statement(
        db
          .with('c', () => accounts.forUpdate())
          .selectFrom('c')
          .selectAll(),
      ),
    ],
    [
      'locking read',
      'raw SQL for update in a subquery',
      statement(accounts.where('id', 'in', sql<number>`(select id from entries for update)`)),
    ],
    [
      'read',
      'a literal that speaks of a lock',
      statement(accounts.where('ownerName', '=', sql<string>`'for update'`)),
    ],
    ['locking read', 'comments for blanks', statement(accounts.modifyEnd(sql`for/**/update`))],
    [
      'locking read',
      'a lock in a comment that is run',
      statement(accounts.modifyEnd(sql`/*! for update */`)),
    ],
    [
      'locking read',
      'a lock right behind a number',
      statement(accounts.modifyEnd(sql`limit 1 offset 1.5for update`)),
    ],
    ['read', 'another end', statement(accounts.modifyEnd(sql`limit rows examined 10`))],
    ['read', 'a value that speaks of a lock', statement(accounts.where('ownerName', '=', 'for update'))],
    ['write', 'insert', statement(db.insertInto('accounts').values(row))],
    [
      'write',
      'insert … select',
      statement(
        db.insertInto('entries').columns(['account']).expression(db.selectFrom('accounts').select('id')),
      ),
    ],
    ['write', 'replace', statement(db.replaceInto('accounts').values(row))],
    ['write', 'update', statement(db.updateTable('accounts').set(row))],
    ['write', 'delete', statement(db.deleteFrom('accounts'))],
    [
      'write',
      'update behind a CTE',
      statement(
        db
          .with('c', () => accounts)
          .updateTable('accounts')
          .set(row),
      ),
    ],
    ['unknown', 'raw SQL, whatever it says', new Statement(sql`select 1`.compile(db), [])],
    ['unknown', 'DDL', statement(db.schema.createTable('t').addColumn('id', 'integer'))],
    ['unknown', 'dropping a table', statement(db.schema.dropTable('t'))],
  ])('%s: %s', (kind, _, { kind: actual }) => {
    expect(actual).toBe(kind)
  })
})

describe('mayWrite', () => {
  test.each([
    [true, 'a write', statement(db.deleteFrom('accounts'))],
    [true, 'raw SQL', new Statement(sql`select 1`.compile(db), [])],
    [
      true,
      'a read that calls a function',
      statement(accounts.select((e) => e.fn('post', ['id']).as('posted'))),
    ],
    [true, 'a next value', statement(accounts.select(sql`next value for counter`.as('n')))],
    [true, 'an assignment', statement(accounts.select(sql`@a := 1`.as('n')))],
    [true, 'a file', statement(accounts.modifyEnd(sql`into outfile 'a'`))],
    [true, 'a comment that is run', statement(accounts.modifyEnd(sql`/*! limit 1 */`))],
    [
      true,
      'a function whose name ends like an aggregate',
      statement(accounts.select((e) => e.fn('my_count', ['id']).as('n'))),
    ],
    [
      false,
      'a read',
      statement(accounts.where('id', 'in', [1, 2]).where((e) => e.or([e('id', '=', 1), e('id', '=', 2)]))),
    ],
    [false, 'a locking read', statement(accounts.forUpdate())],
    [
      false,
      'a read with a subquery',
      statement(accounts.where((e) => e.exists(e.selectFrom('entries').select('id')))),
    ],
    [
      false,
      'aggregates',
      statement(
        db
          .selectFrom('entries')
          .select(({ fn }) => [
            fn.countAll().as('a'),
            fn.count('id').distinct().as('b'),
            fn.sum('cents').as('c'),
            fn.min('cents').as('d'),
            fn.max('cents').as('e'),
            fn.avg('cents').as('f'),
          ]),
      ),
    ],
  ])('%s: %s', (expected, _, { mayWrite }) => {
    expect(mayWrite).toBe(expected)
  })
})

describe('reads', () => {
  const raw = (text: string) => new Statement(sql.raw(text).compile(db), [])

  test.each([
    [true, statement(accounts)],
    [true, statement(accounts.select((e) => e.val('for update').as('text')))],
    [false, statement(accounts.forUpdate())],
    [false, statement(db.deleteFrom('accounts'))],
    [false, statement(db.schema.dropTable('t'))],
    [true, raw('select 1')],
    [true, raw(' (SELECT 1) union (select 2)')],
    [true, raw("-- into what?\n/* update */ # delete\nselect `into`, \"for update\", 'it\\'s := ' from t")],
    [true, raw('show tables')],
    [true, raw('with a as (select 1 as n) select n from a')],
    [true, raw('explain select 1')],
    [true, raw('select/**/1')],
    [true, raw("select 'a\\', 'into'")],
    [false, raw("select 'a\\', ' into @a -- '")],
    [false, raw('select next value for counter')],
    [false, raw('select setval(counter, 1)')],
    [false, raw('select * from t for update')],
    [false, raw('select * from t for\n  share')],
    [false, raw('select * from t LOCK IN SHARE MODE')],
    [false, raw('select 1 into @a')],
    [false, raw("select * into outfile '/tmp/a' from t")],
    [false, raw('select @a := 1')],
    [false, raw('select * from t /*! for update */')],
    [false, raw('select * from t /*M! for update */')],
    [false, raw('with a as (select 1 as n) delete from t where n in (select n from a)')],
    [false, raw('explain analyze delete from t')],
    [false, raw('insert into t values (1)')],
    [false, raw('call f()')],
    [false, raw('set @a = 1')],
    [false, raw('selected')],
  ])('%s: $sql', (expected, { reads }) => {
    expect(reads).toBe(expected)
  })
})

describe('mayCommit', () => {
  const raw = (text: string) => new Statement(sql.raw(text).compile(db), [])

  test.each([
    [false, statement(accounts)],
    [false, statement(accounts.forUpdate())],
    [false, statement(db.deleteFrom('accounts'))],
    [false, raw('-- now\n((select 1))')],
    [false, raw('insert into t values (f(1))')],
    [false, raw('replace into t values (1)')],
    [true, raw('do f(1)')],
    [false, raw('savepoint a')],
    [false, raw('release savepoint a')],
    [false, raw('rollback to a')],
    [false, raw('rollback work to savepoint a')],
    [true, raw('rollback work')],
    [true, raw('call f()')],
    [true, raw('select 1 /*! , 2 */')],
    [true, raw('/*!99999 select */ commit')],
    [true, raw('set @a = 1')],
    [true, raw("prepare a from 'commit'")],
    [true, raw('execute a')],
    [true, raw('execute immediate @a')],
    [true, raw('begin not atomic select 1; end')],
    [true, raw('check table t')],
    [true, raw('')],
    [true, statement(db.schema.dropTable('t'))],
  ])('%s: $sql', (expected, { mayCommit }) => {
    expect(mayCommit).toBe(expected)
  })
})

describe('calls', () => {
  const raw = (text: string) => new Statement(sql.raw(text).compile(db), [])

  test.each([
    [[], raw('select count(*), sum(a) from t where a in (1, 2) and exists (select 1) and (b or not (c))')],
    [[], raw('insert into t (a) values (1) on duplicate key update a = values(a)')],
    [[], raw('insert into `d`.`t` (`a`, `b`) values (?, ?)')],
    [[], raw('with a (b, `c`) as (select 1, 2), d(e) as (select 3) select 1 from a, d')],
    [[], raw('select \'f(1)\', "a" -- f(1)\n /* f(1) */')],
    [['now', 'menü', 'f '], raw('select now(), menü(1), f (1), now()')],
    [['`f`', '"g" '], raw('select `f`(1), "g" (1)')],
    [['.count', '.`sum` '], raw('select d.count(1), `d`.`sum` (1)')],
    [['count '], raw('select count (1)')],
    [['f'], raw("select 'a\\', f(1), '\\'")],
    [['f'], raw('select /*! f(1) */ 1')],
  ])('%j: $sql', (expected, { calls }) => {
    expect(calls).toEqual(expected)
  })
})

test('what the text of a statement tells takes time in proportion to it', () => {
  for (const part of ['f(', '/*! f(1', 'a.', 'a (b, ', 'for ', '((', "'a\\', ", 'next ']) {
    const text = part.repeat((1 << 20) / part.length)
    // What takes time in proportion to the square of the text would take hours.
    expect(new Statement(sql.raw(text).compile(db), []).mayCommit).toBe(true)
  }
})

test('a write may answer with rows by raw SQL, too', () => {
  const insert = db.insertInto('accounts').values(row)
  expect(statement(insert.modifyEnd(sql`RETURNING id`)).returning).toBe(true)
  expect(statement(insert.modifyEnd(sql`-- returning`)).returning).toBe(false)
  expect(
    statement(db.insertInto('accounts').values({ ...row, ownerName: sql<string>`'returning'` })).returning,
  ).toBe(false)
})

test('returning tells the writes that answer with rows', () => {
  const insert = db.insertInto('accounts').values(row)
  expect(statement(insert.returning('id')).returning).toBe(true)
  expect(statement(db.deleteFrom('accounts').returningAll()).returning).toBe(true)
  expect(statement(insert).returning).toBe(false)
  expect(statement(accounts).returning).toBe(false)
})

describe('tables', () => {
  test.each([
    ['of a select', statement(accounts), ['accounts']],
    [
      'of several, once each and in alphabetical order',
      statement(db.selectFrom(['entries', 'accounts', 'entries as e']).selectAll()),
      ['accounts', 'entries'],
    ],
    [
      'of joins, without their aliases',
      statement(
        db
          .selectFrom('entries as e')
          .leftJoin('accounts as a', 'a.id', 'e.account')
          .select(['a.id', 'e.cents'])
          .where('a.cents', '>', 0)
          .orderBy('e.id'),
      ),
      ['accounts', 'entries'],
    ],
    [
      'of subqueries',
      statement(accounts.where('id', 'in', (e) => e.selectFrom('entries').select('account'))),
      ['accounts', 'entries'],
    ],
    [
      'of derived tables',
      statement(db.selectFrom(db.selectFrom('entries').selectAll().as('d')).selectAll()),
      ['entries'],
    ],
    [
      'of a schema',
      statement(db.selectFrom('bank.branches').select('bank.branches.city')),
      ['bank.branches'],
    ],
    [
      'under withSchema',
      statement(db.withSchema('archive').selectFrom('accounts').select('accounts.id')),
      ['archive.accounts'],
    ],
    [
      'of an insert … select',
      statement(
        db.insertInto('entries').columns(['account']).expression(db.selectFrom('accounts').select('id')),
      ),
      ['accounts', 'entries'],
    ],
    ['of a replace', statement(db.replaceInto('accounts').values(row)), ['accounts']],
    [
      'of an update',
      statement(
        db.updateTable('accounts').set({ cents: (e) => e.selectFrom('entries').select('cents').limit(1) }),
      ),
      ['accounts', 'entries'],
    ],
    [
      'of a delete with a join',
      statement(
        db.deleteFrom('entries').using('entries').innerJoin('accounts', 'accounts.id', 'entries.account'),
      ),
      ['accounts', 'entries'],
    ],
    [
      'named in raw SQL with sql.table',
      new Statement(sql`truncate ${sql.table('entries')}`.compile(db), []),
      ['entries'],
    ],
    ['of other raw SQL: none', new Statement(sql`truncate entries`.compile(db), []), []],
  ])('%s', (_, { tables }, expected) => {
    expect(tables).toEqual(expected)
  })

  test.each([
    [
      'is none',
      statement(
        db
          .with('rich', (d) => d.selectFrom('accounts').selectAll())
          .with('richest', (d) => d.selectFrom('rich').selectAll())
          .selectFrom(['rich', 'richest', 'entries'])
          .selectAll(),
      ),
      ['accounts', 'entries'],
    ],
    [
      'is a table outside of its statement',
      statement(
        db
          .selectFrom([
            'entries',
            (e) =>
              sql<{ id: number }>`(${db
                .with('entries', () => e.selectFrom('accounts').selectAll())
                .selectFrom('entries')
                .selectAll()})`.as('d'),
          ])
          .select('d.id'),
      ),
      ['accounts', 'entries'],
    ],
    [
      'is a table in its own text',
      statement(
        db
          .with('accounts', () => accounts)
          .selectFrom('accounts')
          .selectAll(),
      ),
      ['accounts'],
    ],
    [
      'is none in its own text if it is recursive',
      statement(
        db
          .withRecursive('tree', (d) =>
            d.selectFrom('entries').select('id').unionAll(d.selectFrom('tree').select('tree.id')),
          )
          .selectFrom('tree')
          .selectAll(),
      ),
      ['entries'],
    ],
    [
      'hides no table of a schema',
      statement(
        db
          .with('branches', (d) => d.selectFrom('bank.branches').select('bank.branches.city'))
          .selectFrom(['branches', 'bank.branches as b'])
          .select('b.city'),
      ),
      ['bank.branches'],
    ],
  ])('a CTE %s', (_, { tables }, expected) => {
    expect(tables).toEqual(expected)
  })

  test('whatever the number and the nature of the values', () => {
    const cyclic: { self?: unknown; kind: string } = { kind: 'TableNode' }
    cyclic.self = cyclic
    const many = Array.from({ length: 200_000 }, () => row)
    expect(statement(db.insertInto('accounts').values(many)).tables).toEqual(['accounts'])
    const odd = { ownerName: new Uint8Array(1_000_000) as never, cents: cyclic as never }
    expect(statement(db.insertInto('accounts').values(odd)).tables).toEqual(['accounts'])
    expect(
      statement(
        accounts.where(
          'id',
          'in',
          many.map((_, index) => index),
        ),
      ).tables,
    ).toEqual(['accounts'])
    expect(statement(accounts.where('ownerName', '=', cyclic as never)).tables).toEqual(['accounts'])
  })
})

test('text and parameters are those that Kysely compiled', () => {
  const { sql: text, parameters } = statement(accounts.where('id', '=', 7))
  expect(text).toBe('select * from `accounts` where `id` = ?')
  expect(parameters).toEqual([7])
})
