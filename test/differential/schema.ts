/** Tables by chance: some columns of all types, and rows of values that are near each other. */
import type { Random } from '../../examples/order-desk/generate/random.ts'
import { pick, times } from '../adversary/choice.ts'
import type { ServerKind } from '@leasehold/test-support/server'

export interface Column {
  readonly name: string
  readonly type: string
  /** SQL of what it may hold. */
  readonly literals: readonly [string, ...string[]]
  /** Whether what is read of it is all that there is: a FLOAT has more digits, and a document other spaces. */
  readonly exact: boolean
}

interface Type {
  readonly sql: string
  readonly literals: readonly [string, ...string[]]
  readonly exact?: false
  readonly on?: ServerKind
}

const TYPES: readonly [Type, ...Type[]] = [
  { sql: 'tinyint', literals: ['-128', '0', '1', '127'] },
  { sql: 'int', literals: ['-1', '0', '1', '2147483647'] },
  { sql: 'bigint', literals: ['-9223372036854775808', '0', '9007199254740992', '9007199254740993'] },
  { sql: 'bigint unsigned', literals: ['0', '1', '18446744073709551614', '18446744073709551615'] },
  { sql: 'bigint zerofill', literals: ['7', '9007199254740993'] },
  {
    sql: 'decimal(30,4)',
    literals: ['-0.0001', '0', '1.5', '12345678901234567890.1234', '12345678901234567890.1235'],
  },
  { sql: 'decimal(20,0)', literals: ['5', '12345678901234567890', '12345678901234567891'] },
  { sql: 'double', literals: ['0', '0.1', '0.30000000000000004', '1e300', '-1e-300'] },
  { sql: 'double(12,1)', literals: ['0.5', '2.5', '3.5'] },
  { sql: 'float', literals: ['0', '0.1', '1000005', '16777215'], exact: false },
  { sql: 'boolean', literals: ['false', 'true'] },
  { sql: 'year', literals: ['1901', '2026'] },
  { sql: 'date', literals: ["'1970-01-01'", "'2026-03-29'", "'9999-12-31'"] },
  { sql: 'datetime(6)', literals: ["'2026-03-29 02:30:00'", "'2026-03-29 02:30:00.000001'", "'1000-01-01'"] },
  {
    sql: 'timestamp(3)',
    literals: ["'2026-10-25 01:30:00'", "'2026-10-25 01:30:00.5'", "'1970-01-01 00:00:01'"],
  },
  { sql: 'time(3)', literals: ["'-00:00:00.001'", "'00:00:01'", "'838:59:59'"] },
  { sql: 'char(8)', literals: ["''", "'1'", "'a'", "'A'", "'ä'"] },
  { sql: 'varchar(20)', literals: ["''", "'1'", "'1.0'", "'a'", "'A'", "'a '", "'nobody'", "'\\\\'"] },
  { sql: 'varchar(20) collate utf8mb4_bin', literals: ["''", "'a'", "'A'", "'a '", "'😀'"] },
  { sql: 'varchar(20) character set latin1', literals: ["'é'", "'e'", "'1'", "'true'"] },
  { sql: 'text', literals: ["'x y'", "'2026-03-29'", "'null'"] },
  { sql: 'binary(4)', literals: ["x'00'", "x'0001'", "x'31000000'"] },
  { sql: 'varbinary(20)', literals: ["''", "x'00'", "x'0000'", "x'31'", "'nobody'"] },
  { sql: 'blob', literals: ["x'00ff'", "x'ff'"] },
  { sql: 'bit(1)', literals: ["b'0'", "b'1'"] },
  { sql: 'bit(40)', literals: ['0', '49', '1099511627774', '1099511627775'] },
  { sql: "enum('nobody','1','b')", literals: ["'nobody'", "'1'", "'b'"] },
  { sql: "set('nobody','1','b')", literals: ["''", "'1'", "'nobody,b'"] },
  { sql: 'json', literals: [`'{"a":1}'`, "'1'", "'true'", `'"nobody"'`], exact: false },
  {
    sql: 'uuid',
    literals: ["'123e4567-e89b-12d3-a456-426614174000'", "'123e4567-e89b-12d3-a456-426614174001'"],
    on: 'mariadb',
  },
  { sql: 'inet6', literals: ["'::1'", "'2001:db8::1'"], on: 'mariadb' },
]

const ROWS = 6

export interface Table {
  readonly name: string
  readonly columns: readonly [Column, ...Column[]]
  /** What makes it, and its copy without rows. */
  readonly definitions: readonly string[]
}

export function copyOf(table: Table): string {
  return `${table.name}_copy`
}

export function tableOf(random: Random, name: string, server: ServerKind): Table {
  const column = (index: number): Column => {
    const { sql: type, literals, exact = true } = pick(random, typesOn(server))
    return { name: `c${index}`, type, literals, exact }
  }
  const columns = [column(0), ...times(random.integer(2, 6), (index) => column(index + 1))] as const
  const defined = columns.map(({ name, type }) => `${name} ${type} null`)
  const create = (made: string): string => `create table ${made} (id int primary key, ${defined.join(', ')})`
  const rows = times(ROWS, (id) => [
    id,
    ...columns.map(({ literals }) => (random.chance(10) ? 'null' : pick(random, literals))),
  ])
  return {
    name,
    columns,
    definitions: [
      create(name),
      create(`${name}_copy`),
      `insert into ${name} values ${rows.map((row) => `(${row.join(', ')})`).join(', ')}`,
    ],
  }
}

function typesOn(server: ServerKind): readonly [Type, ...Type[]] {
  return TYPES.filter(({ on }) => on === undefined || on === server) as unknown as readonly [Type, ...Type[]]
}
