/** One statement with one list of values after the other, prepared and as text. */
import { affected, many, type UnitOfWork } from '@leasehold/core'
import type { Random } from '../../examples/order-desk/generate/random.ts'
import { sql } from 'kysely'
import { inspect } from 'node:util'
import { pick, times } from '../adversary/choice.ts'
import { conditionOf, type Make, operandOf } from './expressions.ts'
import { outcomeOf } from './outcome.ts'
import { parameterOf } from './parameters.ts'
import type { Table } from './schema.ts'
import type { Sessions } from './sessions.ts'
import type { Finding } from './search.ts'

/** Uses of a statement: from the third on it is a prepared one. */
const USES = 7
/** Values of one use; they are taken one after the other. */
const VALUES = 12

/** What raw SQL may have changed in the session. */
const CHANGES = [
  "set sql_mode = 'ANSI_QUOTES'",
  "set sql_mode = ''",
  "set time_zone = '+05:30'",
  'set div_precision_increment = 9',
  "set lc_time_names = 'de_DE'",
  'set collation_connection = utf8mb4_bin',
  'set @a = 1',
] as const

type Statement = (uow: UnitOfWork, values: readonly unknown[], change: string | undefined) => Promise<unknown>

export async function compareHistories(random: Random, table: Table, sessions: Sessions): Promise<Finding[]> {
  const { title, run } = random.chance(70)
    ? selectOf(random, table, sessions)
    : updateOf(random, table, sessions)
  const found: Finding[] = []
  for (let use = 1; use <= USES; use += 1) {
    const values = times(VALUES, () => parameterOf(random))
    const change = random.chance(15) ? pick(random, CHANGES) : undefined
    const [prepared, text] = [
      await outcomeOf(() => run(sessions.prepared, values, change)),
      await outcomeOf(() => run(sessions.text, values, change)),
    ]
    if (prepared === text) continue
    const behind = change === undefined ? '' : `, behind ${change}`
    const detail = `use ${use} with ${inspect(values, { breakLength: Infinity })}${behind}: ${prepared}, and as text ${text}`
    found.push({ rule: 'prepared is not text', statement: title, detail })
  }
  return found
}

interface Repeated {
  readonly title: string
  readonly run: Statement
}

function taking(values: readonly unknown[]): () => unknown {
  let taken = 0
  return () => values[taken++ % values.length]
}

function selectOf(random: Random, { name, columns }: Table, { db }: Sessions): Repeated {
  const condition = conditionOf(random, namesOf(columns), random.integer(0, 2))
  const limited = random.chance(25)
  const build = (values: readonly unknown[]) => {
    const rows = db
      .selectFrom(name)
      .select('id')
      .where((e) => condition(e, taking(values)))
      .orderBy('id')
    return limited ? rows.limit(4) : rows
  }
  return {
    title: build(times(VALUES, () => 1)).compile().sql,
    run: (uow, values, change) =>
      uow.run(async (q) => {
        if (change !== undefined) await q(sql.raw(change).compile(db))
        return q(many(build(values)))
      }),
  }
}

function updateOf(random: Random, { name, columns }: Table, { db }: Sessions): Repeated {
  const column = pick(random, namesOf(columns))
  const made: Make = operandOf(random, namesOf(columns), random.integer(0, 2))
  const build = (values: readonly unknown[]) =>
    db
      .updateTable(name)
      .set((e) => ({ [column]: made(e, taking(values)) }))
      .where('id', '=', 1)
  return {
    title: build(times(VALUES, () => 1)).compile().sql,
    run: (uow, values, change) =>
      uow.sandbox(async (q) => {
        if (change !== undefined) await q(sql.raw(change).compile(db))
        await q(affected(build(values)))
        return q(many(db.selectFrom(name).select(column).where('id', '=', 1)))
      }),
  }
}

function namesOf(columns: Table['columns']): readonly [string, ...string[]] {
  const [{ name }, ...others] = columns
  return [name, ...others.map((column) => column.name)]
}
