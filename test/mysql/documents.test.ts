/** The code of the documents runs, and prints what its comments say. */
import { execFile } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { promisify } from 'node:util'
import { codeOf, documents } from '@leasehold/test-support/documents'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { useFixture } from './support/fixture.ts'

const fixture = useFixture()
const folder = resolve(import.meta.dirname, `../.cache/run-documents-${fixture.server.kind}`)

beforeAll(() => mkdir(folder, { recursive: true }))
afterAll(() => rm(folder, { recursive: true }))

interface Run {
  readonly tables: readonly string[]
  readonly rows?: readonly string[]
  readonly procedures?: readonly string[]
  /** What must be among the lines that are printed, in this order. */
  readonly prints: readonly (string | RegExp)[]
}

const runs: Readonly<Record<string, Run>> = {
  'README.md': {
    tables: ['accounts (id int primary key, cents int, version int not null)'],
    rows: ['accounts values (1, 1000, 1), (2, 0, 1)'],
    prints: ['paid', "1 { type: 'waiting', for: [ 'accounts.byId' ] }"],
  },
  'docs/guarantees.md': {
    tables: ['jobs (id int primary key, done boolean)'],
    rows: ['jobs values (1, false)'],
    prints: ['done true', 'done'],
  },
  'docs/observing.md': {
    tables: ['accounts (id int primary key, name varchar(50))'],
    rows: ["accounts values (1, 'Ann')"],
    prints: [/^unit \d+, flight 1: .* in [\d.]+ ms$/, /^select \* from `accounts`/, /table: 'accounts'/],
  },
  'docs/services.md': {
    tables: ['accounts (id int primary key, name varchar(50) unique)'],
    rows: ["accounts values (1, 'Ann'), (2, 'Bob')"],
    procedures: ['everybody() select id from accounts'],
    prints: ['3', '2', 'name update `accounts` set `name` = ? where `id` = ?', '2', 'Zoe', 'closed'],
  },
  'docs/speed.md': {
    tables: ['items (id int primary key, name varchar(50), cents int)'],
    rows: ["items values (1, 'nail', 1), (2, 'screw', 2)"],
    prints: ["[ 'nail', 'screw', 'screw' ]"],
  },
  'docs/tables.md': {
    tables: [
      `people (id int primary key auto_increment, email varchar(50) unique, name varchar(50), city varchar(50),
        note varchar(50), nameLength int generated always as (char_length(name)) stored, version int not null,
        createdAt datetime(3) not null, updatedAt datetime(3) not null, deletedAt datetime(3))`,
      '`lines` (orderId int, line int, personId int, article varchar(50), primary key (orderId, line))',
    ],
    prints: ['{ inVienna: [], howMany: 0 }', '[]', '[] undefined', 'people { id: 1 } 3 2', 'undefined 1'],
  },
  'docs/testing.md': {
    tables: ['accounts (id int primary key, name varchar(50), cents int)'],
    rows: ["accounts values (1, 'Ann', 1000), (2, 'Bob', 0)"],
    prints: [
      /label: 'accounts\.byId'/,
      "{ type: 'waiting', for: [ 'accounts.byId' ] }",
      "1 { type: 'success', value: 'too poor' }",
      'paid flight 1',
      '  accounts.byId: select * from `accounts` where `id` = ?',
      /paid: 'paid', landlord: \{ id: 2/,
      '[]',
      '0 1',
    ],
  },
  'docs/values.md': {
    tables: [
      `events (id bigint primary key, total decimal(12, 2), at datetime(6), day date, details json, digest binary(32),
        done boolean)`,
    ],
    prints: ["true [ 'new' ]"],
  },
}

/** Run by the tests of composing, on tables that are full. */
const RUN_ELSEWHERE = ['docs/composition.md']

test('all documents with code are run', async () => {
  const withCode = await Promise.all(
    documents.map(async (document) => ((await codeOf(document)) === '' ? [] : [document])),
  )
  expect(withCode.flat().sort()).toEqual([...Object.keys(runs), ...RUN_ELSEWHERE].sort())
})

test.each(Object.entries(runs))('%s', async (document, { tables, rows = [], procedures = [], prints }) => {
  for (const table of tables) await fixture.rows(`drop table if exists ${table.slice(0, table.indexOf('('))}`)
  for (const table of tables) await fixture.rows(`create table ${table}`)
  for (const row of rows) await fixture.rows(`insert into ${row}`)
  for (const procedure of procedures) await fixture.rows(`create procedure ${procedure}`)
  const code = (await codeOf(document)).replaceAll(/mysql:\/\/root@localhost\/\w+/g, fixture.database.uri)
  const file = resolve(folder, `${document.replaceAll('/', '-')}.ts`)
  await writeFile(file, `${code}\nprocess.exit()\n`)
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [file])
  expect(stderr).toBe('')
  const lines = stdout.split('\n')
  let from = 0
  for (const print of prints) {
    const found = lines.findIndex(
      (line, index) => index >= from && (typeof print === 'string' ? line === print : print.test(line)),
    )
    expect([print, found === -1 ? stdout : 'printed']).toEqual([print, 'printed'])
    from = found + 1
  }
})
