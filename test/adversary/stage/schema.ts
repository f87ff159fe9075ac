/** What the programs run on. */
import type { ServerKind } from '@leasehold/test-support/server'
import { outcomeTable } from '@leasehold/mysql'

export const ACCOUNTS = 12
export const CENTS = 1_000
export const SLOTS = 6
export const NUMBERS = 4_000
export const NOTES = 4

export function definitions(kind: ServerKind): string[] {
  return [
    'create table accounts (id int primary key, cents bigint not null, name varchar(50) not null)',
    // Without a unique key, so that what happened twice is there twice.
    'create table ledger (unit int not null, step int not null, account int, cents int not null default 0, key (unit))',
    'create table slots (id int primary key, unit int not null, step int not null, visits int not null default 0)',
    'create table ballast (id int primary key, n int not null)',
    'create table entries (id int primary key, account int not null, text varchar(20) not null, key (account))',
    'create table notes (id int primary key, text varchar(50) not null, version int not null)',
    'create table numbers (n int primary key, filler varchar(30) not null)',
    outcomeTable,
    'create trigger marking after update on slots for each row begin ' +
      'if new.unit <> old.unit or new.step <> old.step then ' +
      'insert into ledger (unit, step, cents) values (new.unit, new.step, 0); end if; end',
    writingFunction('note_down'),
    writingFunction('menü'),
    'create function plain(n int) returns int deterministic no sql return n + 1',
    'create procedure noting(u int, s int) insert into ledger (unit, step, cents) values (u, s, 0)',
    "create procedure harmless() select 'harmless' as said",
    "create procedure failing() signal sqlstate '45000' set message_text = 'as planned', mysql_errno = 31000",
    'create procedure swallowing(one int, other int) begin ' +
      'declare continue handler for sqlexception begin end; ' +
      'update slots set visits = visits + 1 where id = one; do sleep(0.01); ' +
      "update slots set visits = visits + 1 where id = other; select 'done' as said; end",
    'create procedure committing(u int, s int) begin ' +
      'insert into ledger (unit, step, cents) values (u, s, 0); commit; end',
    'create procedure recommitting(u int, s int) begin ' +
      'insert into ledger (unit, step, cents) values (u, s, 0); commit; start transaction; end',
    ...(kind === 'mysql' ? [] : []),
  ]
}

function writingFunction(name: string): string {
  return (
    `create function ${name}(u int, s int) returns int modifies sql data ` +
    'begin insert into ledger (unit, step, cents) values (u, s, 0); return s; end'
  )
}

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

/** Back to the beginning. */
export function contents(): (readonly [sql: string, values?: unknown])[] {
  return [
    ...['accounts', 'ledger', 'slots', 'ballast', 'entries', 'notes', 'leasehold_outcomes'].map(
      (table) => [`delete from ${table}`] as const,
    ),
    ['insert into accounts values ?', numbers(ACCOUNTS).map((id) => [id, CENTS, `account ${id}`])],
    ['insert into slots (id, unit, step) values ?', numbers(SLOTS).map((id) => [id, 0, 0])],
    ['insert into ballast values ?', numbers(60).map((id) => [id, 0])],
    [
      'insert into entries values ?',
      numbers(ACCOUNTS * 2).map((id) => [id, (id % ACCOUNTS) + 1, `entry ${id}`]),
    ],
    ['insert into notes values ?', numbers(NOTES).map((id) => [id, `note ${id}`, 1])],
  ]
}

export const numberRows: readonly [sql: string, values: unknown] = [
  'insert into numbers values ?',
  numbers(NUMBERS).map((n) => [n, `number ${n}`.padEnd(30, '.')]),
]
