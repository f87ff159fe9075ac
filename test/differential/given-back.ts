/** Values as they were read, given back, lead to the rows that the server finds equal, or are refused. */
import { affected, hasMany, loader, many, type Query, type UnitOfWork } from '@leasehold/core'
import type { Random } from '../../examples/order-desk/generate/random.ts'
import type { Expression, SqlBool } from 'kysely'
import { inspect } from 'node:util'
import { pick } from '../adversary/choice.ts'
import type { Builder, Row } from './expressions.ts'
import { isRefused, outcomeOf } from './outcome.ts'
import type { Table } from './schema.ts'
import type { Finding } from './search.ts'
import type { Sessions } from './sessions.ts'

type Ids = readonly number[]
/** The ids that a way leads to from a value, and for `lists` from another besides. */
type Way = (uow: UnitOfWork, value: unknown, other: unknown) => Promise<Ids>

const idsOf = (rows: readonly { readonly id: number }[]): Ids =>
  rows.map(({ id }) => id).sort((a, b) => a - b)

export async function giveBack(random: Random, table: Table, sessions: Sessions): Promise<Finding[]> {
  const exact = table.columns.filter((each) => each.exact)
  const [first, ...others] = exact
  if (first === undefined) return []
  const column = pick(random, [first, ...others])
  const uow = random.chance(50) ? sessions.prepared : sessions.text
  const all = many(sessions.db.selectFrom(table.name).selectAll().orderBy('id')) as Query<Row[], 'read'>
  const rows = await uow.run(all)
  const found: Finding[] = []
  for (const row of rows) {
    const other = pick(random, rows as [Row, ...Row[]])
    const [value, besides] = [row[column.name], other[column.name]]
    if (value === null || besides === null) continue
    const equal = await equalTo(row.id, table.name, column.name, sessions)
    const both = idsOf(
      [...new Set([...equal, ...(await equalTo(other.id, table.name, column.name, sessions))])].map((id) => ({
        id,
      })),
    )
    // Texts that are equal to the server alone are two keys: each gets its own rows.
    const twoKeys = equal.includes(other.id) && inspect(value) !== inspect(besides)
    for (const [name, way] of Object.entries(waysIn(table.name, column.name, sessions))) {
      if (name === 'loads' && twoKeys) continue
      const expected = inspect(name === 'lists' ? both : equal, { breakLength: Infinity })
      const outcome = await outcomeOf(() => way(uow, value, besides))
      if (outcome === expected || isRefused(outcome)) continue
      const detail = `${inspect(value)} of row ${row.id}, besides ${inspect(besides)}: ${outcome}, expected ${expected}`
      found.push({ rule: `given back, it ${name} others`, statement: column.type, detail })
    }
  }
  return found
}

/** The rows that the server finds equal to one, without any literal. */
async function equalTo(id: number, table: string, column: string, { rows }: Sessions): Promise<Ids> {
  const found = await rows(
    `select b.id from ${table} a join ${table} b on a.${column} = b.${column} where a.id = ${id}`,
  )
  return idsOf(found as unknown as { readonly id: number }[])
}

function waysIn(table: string, column: string, { db }: Sessions): Readonly<Record<string, Way>> {
  const byValues = (values: readonly unknown[]): Query<Row[], 'read'> =>
    many(
      db
        .selectFrom(table)
        .selectAll()
        .where(column, 'in', [...values] as never),
    ) as Query<Row[], 'read'>
  const idsWhere = async (uow: UnitOfWork, condition: (e: Builder) => Expression<SqlBool>): Promise<Ids> =>
    idsOf(await uow.run(many(db.selectFrom(table).select('id').where(condition))))
  const loaded = loader(byValues, (row) => row[column] as never)
  return {
    finds: (uow, value) => idsWhere(uow, (e) => e(column, '=', value as never)),
    lists: async (uow, value, other) => idsOf(await uow.run(byValues([value, other]))),
    ranges: (uow, value) => idsWhere(uow, (e) => e.between(column, value as never, value as never)),
    loads: async (uow, value, other) =>
      uow.run(async (q) => {
        const [rows] = await q.all([loaded.loadMany(value as never), loaded.loadMany(other as never)])
        return idsOf(rows)
      }),
    relates: async (uow, value) => {
      const parents = many(
        db
          .selectFrom(table)
          .selectAll()
          .where(column, '=', value as never)
          .limit(1),
      )
      const [parent] = await uow.run(
        parents.with({ same: hasMany(byValues, { from: column, to: column }) } as never),
      )
      return idsOf((parent as unknown as { same: readonly Row[] } | undefined)?.same ?? [])
    },
    deletes: async (uow, value) =>
      uow.sandbox(async (q) => {
        const before = await q(many(db.selectFrom(table).select('id')))
        await q(affected(db.deleteFrom(table).where(column, '=', value as never)))
        const left = await q(many(db.selectFrom(table).select('id')))
        return idsOf(before.filter(({ id }) => !left.some((row) => row.id === id)))
      }),
  }
}
