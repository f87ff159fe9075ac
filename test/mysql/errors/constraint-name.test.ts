/** The name of the constraint that a statement violated, in every language of the server. */
import { affected, type StatementError, type UnitOfWork } from '@leasehold/core'
import { sql } from 'kysely'
import { beforeAll, expect, test } from 'vitest'
import { db, useFixture } from '../support/fixture.ts'

const fixture = useFixture()
const isMariadb = fixture.server.kind === 'mariadb'

const LANGUAGES = [
  'bg_BG cs_CZ da_DK de_DE el_GR en_US es_ES et_EE fr_FR hi_IN hu_HU it_IT ja_JP ka_GE ko_KR nl_NL no_NO pl_PL pt_PT ro_RO',
  'ru_RU sk_SK sr_RS sv_SE uk_UA zh_CN',
]
  .join(' ')
  .split(' ')
  // MySQL does not know it.
  .filter((language) => isMariadb || language !== 'ka_GE')

let uow: UnitOfWork
beforeAll(async () => {
  uow = fixture.uow()
  for (const statement of [
    'create table parents (id int primary key)',
    `create table \`the "children"\` (id int primary key, parent int, size int, code varchar(20), \`own\` int check (\`own\` > 0),
      constraint \`b'ig\` check (size > 9), constraint \`a\`\`b failed\` check (size < 99), unique key \`by code\` (code),
      unique key \`size's\` (size), constraint \`of\`\`parent\` foreign key (parent) references parents (id) on update cascade)`,
    'insert into parents values (1), (2)',
    "insert into `the \"children\"` values (1, 1, 10, 'it''s', 1)",
    'create table cascades (parent int unique, foreign key (parent) references parents (id) on update cascade)',
    'create view checked as select id from parents where id < 10 with check option',
  ]) {
    await fixture.oracle.query(statement)
  }
})

async function failureOf(statement: string, language: string): Promise<StatementError> {
  const failed: unknown = await uow
    .run(async (q) => {
      await q(affected(sql.raw(`set lc_messages = '${language}'`).compile(db)))
      await q(affected(sql.raw(statement).compile(db)))
    })
    .catch((error: unknown) => error)
  return failed as StatementError
}

test.each([
  ['duplicate-key', 'PRIMARY', "insert into T values (1, 1, 11, 'a', 1)"],
  ['duplicate-key', 'by code', "insert into T values (2, 1, 11, 'it''s', 1)"],
  ['foreign-key', 'of`parent', "insert into T values (2, 404, 11, 'a', 1)"],
  ['foreign-key', 'of`parent', 'delete from parents where id = 1'],
  ['check', "b'ig", "insert into T values (2, 1, 1, 'a', 1)"],
  ['check', 'a`b failed', "insert into T values (2, 1, 100, 'a', 1)"],
  ['check', isMariadb ? 'own' : 'the "children"_chk_1', "insert into T values (2, 1, 11, 'a', 0)"],
] as const)('that is a %s is %s in every language', async (kind, constraint, statement) => {
  for (const language of LANGUAGES) {
    const error = await failureOf(statement.replace('T', '`the "children"`'), language)
    const { kind: found, constraint: name, serverMessage } = error
    expect([language, serverMessage, found, name]).toEqual([language, serverMessage, kind, constraint])
  }
})

test('with a quote in its name is told in English', async () => {
  expect(await failureOf('insert into `the "children"` values (2, 1, 10, \'a\', 1)', 'en_US')).toMatchObject({
    kind: 'duplicate-key',
    constraint: "size's",
  })
})

test('that is not told has its kind', async () => {
  await fixture.oracle.query('insert into cascades values (1), (2)')
  expect(await failureOf('update parents set id = 2 where id = 1', 'en_US')).toMatchObject({
    kind: 'duplicate-key',
  })
  expect(await failureOf('insert into checked values (11)', 'en_US')).toMatchObject({
    kind: 'check',
    constraint: undefined,
  })
})
