/** The statement of each leaf, and what its result must look like. */
import { mysqlBuilder } from '@leasehold/mysql'
import { type Compilable, type CompiledQuery, type RawBuilder, sql } from 'kysely'
import type { Failure, Leaf, MarkWay, Procedure } from './step.ts'

export interface Tables {
  accounts: { id: number; cents: number; name: string }
  ledger: { unit: number; step: number; account: number | null; cents: number }
  slots: { id: number; unit: number; step: number; visits: number }
  entries: { id: number; account: number; text: string }
  notes: { id: number; text: string; version: number }
  numbers: { n: number; filler: string }
}

export const db = mysqlBuilder<Tables>()

export type Shape = 'rows' | 'one' | 'maybe' | 'affected' | 'exactly one' | 'nothing'

export interface Sendable {
  readonly builder: Compilable | CompiledQuery
  readonly shape: Shape
  /** Whether a unit that only reads may send it; a function that writes is left to the server. */
  readonly reads: boolean
}

type Failing = { readonly do: 'fail'; readonly how: Exclude<Failure, 'throw'>; readonly step: number }

/** The leaves that are one statement each. */
export type StatementLeaf = Exclude<Leaf, { do: 'note' | 'fail' }> | Failing

const reading = (builder: Sendable['builder'], shape: Shape): Sendable => ({ builder, shape, reads: true })
const writing = (builder: Sendable['builder'], shape: Shape): Sendable => ({ builder, shape, reads: false })

/** A comment, which makes the text another one without raw SQL that could do something. */
const styled = (style: number): RawBuilder<unknown> => sql.raw(`/* ${style} */`)

export function sendable(leaf: StatementLeaf, unit: number): Sendable {
  switch (leaf.do) {
    case 'mark':
      return markBy(leaf.how, leaf, unit)
    case 'add':
      return writing(
        db
          .updateTable('accounts')
          .set((e) => ({ cents: e('cents', '+', leaf.cents) }))
          .where('id', '=', leaf.id)
          .modifyEnd(styled(leaf.style)),
        'exactly one',
      )
    case 'read':
      return reading(account(leaf.id).modifyEnd(styled(leaf.style)), 'one')
    case 'find':
      return reading(account(leaf.id).modifyEnd(styled(leaf.style)), 'maybe')
    case 'lock':
      return writing(account(leaf.id).forUpdate(), 'one')
    case 'share':
      return writing(account(leaf.id).modifyEnd(sql`lock in share mode`), 'maybe')
    case 'sum':
      return reading(
        db.selectFrom('accounts').select(sql<number>`cast(sum(cents) as signed)`.as('total')),
        'one',
      )
    case 'raw sum':
      return reading(sql`select cast(sum(cents) as signed) as total from accounts`.compile(db), 'one')
    case 'own':
      return reading(db.selectFrom('ledger').select('step').where('unit', '=', unit).orderBy('step'), 'rows')
    case 'list':
      return reading(db.selectFrom('accounts').selectAll().orderBy('id'), 'rows')
    case 'call read':
      return reading(db.selectNoFrom(sql<number>`plain(${unit})`.as('plain')), 'one')
    case 'set':
      return writing(sql`set @adversary = ${unit}`.compile(db), 'nothing')
    case 'session':
      return reading(db.selectNoFrom(sql<number | null>`@adversary`.as('left')), 'one')
    case 'user lock':
      return reading(db.selectNoFrom(sql<number>`get_lock(${`adversary ${unit}`}, 0)`.as('locked')), 'one')
    case 'fail':
      return failing(leaf.how, unit, leaf.step)
    case 'call':
      return writing(calling(leaf.procedure, leaf, unit).compile(db), 'nothing')
    case 'control':
      return writing(sql.raw(leaf.text).compile(db), 'nothing')
    default:
      return reading(db.selectNoFrom(sql<number>`sleep(${sql.lit(leaf.ms / 1000)})`.as('slept')), 'one')
  }
}

const account = (id: number) => db.selectFrom('accounts').selectAll().where('id', '=', id)

function markBy(how: MarkWay, leaf: Extract<Leaf, { do: 'mark' }>, unit: number): Sendable {
  const { step, slot, style, account = null, cents = 0 } = leaf
  const insert = db.insertInto('ledger').values({ unit, step, account, cents })
  switch (how) {
    case 'insert':
      return writing(insert.modifyEnd(styled(style)), 'affected')
    case 'raw insert':
      return writing(
        sql`insert into ledger (unit, step, cents) values (${unit}, ${step}, 0)`.compile(db),
        'nothing',
      )
    case 'slot':
      return writing(
        db.updateTable('slots').set({ unit, step }).where('id', '=', slot).modifyEnd(styled(style)),
        'affected',
      )
    case 'function':
      return reading(db.selectNoFrom(sql<number>`note_down(${unit}, ${step})`.as('noted')), 'one')
    case 'odd function':
      return reading(db.selectNoFrom(sql<number>`${sql.raw('menü')}(${unit}, ${step})`.as('noted')), 'one')
    case 'procedure':
      return writing(sql`call noting(${unit}, ${step})`.compile(db), 'nothing')
    case 'returning':
      return writing(insert.returning('step'), 'rows')
    default:
      return writing(insert.modifyEnd(sql`returning step`), 'rows')
  }
}

function failing(how: Exclude<Failure, 'throw'>, unit: number, step: number): Sendable {
  switch (how) {
    case 'syntax':
      return writing(
        db
          .updateTable('accounts')
          .set({ cents: sql`1 1` })
          .where('id', '=', 1),
        'affected',
      )
    case 'duplicate':
      return writing(db.insertInto('accounts').values({ id: 1, cents: 0, name: '' }), 'affected')
    case 'affected':
      return writing(db.updateTable('accounts').set({ name: 'x' }).where('id', '=', -1), 'exactly one')
    case 'one':
      return reading(account(-1), 'one')
    case 'signal':
      return writing(sql`call failing()`.compile(db), 'nothing')
    case 'unknown table':
      return reading(sql`select 1 from nowhere`.compile(db), 'rows')
    default:
      // The number is beyond what JavaScript can hold, so that a row that was written is refused.
      return writing(
        db
          .insertInto('ledger')
          .values({ unit, step, account: null, cents: 0 })
          .modifyEnd(sql`returning 9007199254740993 as big`),
        'rows',
      )
  }
}

function calling(
  procedure: Procedure,
  { slot, step }: { slot: number; step: number },
  unit: number,
): RawBuilder<unknown> {
  switch (procedure) {
    case 'harmless':
      return sql`call harmless()`
    case 'failing':
      return sql`call failing()`
    case 'swallowing':
      return step % 2 === 0
        ? sql`call swallowing(${slot}, ${slot + 1})`
        : sql`call swallowing(${slot + 1}, ${slot})`
    case 'committing':
      return sql`call committing(${unit}, ${step})`
    default:
      return sql`call recommitting(${unit}, ${step})`
  }
}
