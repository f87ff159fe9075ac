/** Keys that a collation or a type takes for equal: no row is missing without an error, however they are asked for. */
import { all, each, hasMany, loader, many, type Query } from '@leasehold/core'
import { mysqlBuilder } from '@leasehold/mysql'
import { expect, test } from 'vitest'
import { useFixture } from '../support/fixture.ts'

const fixture = useFixture()
const isMariadb = fixture.server.kind === 'mariadb'

interface Tables {
  parents: { id: number; name: string }
  children: { id: number; parent: string }
}
const db = mysqlBuilder<Tables>()

const childrenOf = (names: readonly string[]) =>
  many(db.selectFrom('children').selectAll().where('parent', 'in', names).orderBy('id'))
const byParent = loader(childrenOf, ({ parent }) => parent)
const parents = many(db.selectFrom('parents').selectAll().orderBy('id')).with({
  children: hasMany(childrenOf, { from: 'name', to: 'parent' }),
})

const text = (collation: string): string => `varchar(20) collate ${collation}`

test.each([
  [text('utf8mb4_general_ci'), 'ς', 'σ'],
  [text('utf8mb4_unicode_ci'), 'Weiß', 'WEISS'],
  [text('utf8mb4_unicode_ci'), 'Ος', 'οσ'],
  [text('utf8mb4_swedish_ci'), 'ü', 'y'],
  [text(isMariadb ? 'utf8mb4_uca1400_ai_ci' : 'utf8mb4_0900_ai_ci'), 'œuvre', 'oeuvre'],
  [text(isMariadb ? 'utf8mb4_uca1400_ai_ci' : 'utf8mb4_0900_ai_ci'), 'ø', 'o'],
  [text('utf8mb4_german2_ci'), 'Mäher', 'Maeher'],
  ['varchar(20) character set latin1 collate latin1_german1_ci', 'ß', 's'],
  ['time(3)', '10:00:00', '10:00:00.000'],
  ['datetime', '2026-01-02T03:04:05', '2026-01-02 03:04:05'],
  ['date', '26-01-02', '2026-01-02'],
])('of a column %s, %s and %s', async (type, one, two) => {
  for (const table of ['parents', 'children']) await fixture.oracle.query(`drop table if exists ${table}`)
  await fixture.oracle.query(
    'create table parents (id int primary key, name varchar(20) collate utf8mb4_bin)',
  )
  await fixture.oracle.query(`create table children (id int primary key, parent ${type})`)
  await fixture.oracle.query('insert into parents values (1, ?), (2, ?)', [one, two])
  await fixture.oracle.query('insert into children values (1, ?), (2, ?)', [one, two])
  const uow = fixture.uow()
  const ways: readonly Query<unknown, 'read'>[] = [
    parents,
    each([one, two], (key) => byParent.loadMany(key)),
    each([two, 'x', one], (key) => byParent.loadMany(key)),
    byParent.loadMany(one),
    all([byParent.loadMany(one), byParent.loadMany('x')]),
  ]
  for (const way of ways) await expect(uow.read(way)).rejects.toMatchObject({ name: 'ResultError' })
})
