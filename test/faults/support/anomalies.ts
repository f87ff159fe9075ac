/**
 * The anomalies of Adya's thesis "Weak Consistency" and their kin, as small histories on the rows (1, 10) and (2, 20).
 * The collection is that of https://github.com/ept/hermitage. Each history tells whether the anomaly showed itself.
 */
import { affected, defineRepository, many, type Query } from '@leasehold/core'
import { mysqlBuilder } from '@leasehold/mysql'
import { sql } from 'kysely'
import type { Interleaved, Stage } from './interleaved.ts'

interface Database {
  cells: { id: number; value: number }
}

type Cells = Database['cells'][]

const db = mysqlBuilder<Database>()

const cells = defineRepository('cells', {
  all: (): Query<Cells> => many(db.selectFrom('cells').selectAll().orderBy('id')),
  at: (id: number) => many(db.selectFrom('cells').selectAll().where('id', '=', id)),
  dividedBy: (n: number) =>
    many(
      db
        .selectFrom('cells')
        .selectAll()
        .where(sql<number>`value % ${n}`, '=', 0),
    ),
  set: (id: number, value: number) => affected(db.updateTable('cells').set({ value }).where('id', '=', id)),
  insert: (id: number, value: number) => affected(db.insertInto('cells').values({ id, value })),
  removeValue: (value: number) => affected(db.deleteFrom('cells').where('value', '=', value)),
})

export type Anomaly = (stage: Stage, committed: () => Promise<string>) => Promise<boolean>

const shown = (rows: Cells | undefined): string => (rows ?? []).map(({ value }) => value).join(' ')

async function begin(stage: Stage): Promise<[Interleaved, Interleaved]> {
  return [await stage.begin(), await stage.begin()]
}

/** G0, dirty write: the writes of two units mix. */
const dirtyWrite: Anomaly = async (stage, committed) => {
  const [one, two] = await begin(stage)
  await one.run(cells.set(1, 11))
  await two.run(cells.set(1, 12))
  await one.run(cells.set(2, 21))
  await one.commit()
  await two.run(cells.set(2, 22))
  await two.commit()
  await stage.ended()
  return (await committed()) !== '12 22'
}

/** G1a, aborted read: a unit sees what another has written and then rolls back. */
const abortedRead: Anomaly = async (stage) => {
  const [one, two] = await begin(stage)
  await one.run(cells.set(1, 101))
  const read = await two.run(cells.at(1))
  await one.rollback()
  await two.commit()
  return shown(await read.result) === '101'
}

/** G1b, intermediate read: a unit sees what another has written and then overwrites. */
const intermediateRead: Anomaly = async (stage) => {
  const [one, two] = await begin(stage)
  await one.run(cells.set(1, 101))
  const read = await two.run(cells.at(1))
  await one.run(cells.set(1, 11))
  await one.commit()
  await two.commit()
  return shown(await read.result) === '101'
}

/** G1c, circular information flow: each of two units sees what the other has written. */
const circularFlow: Anomaly = async (stage) => {
  const [one, two] = await begin(stage)
  await one.run(cells.set(1, 11))
  await two.run(cells.set(2, 22))
  const [first, second] = [await one.run(cells.at(2)), await two.run(cells.at(1))]
  await one.commit()
  await two.commit()
  return shown(await first.result) === '22' && shown(await second.result) === '11'
}

/** OTV, observed transaction vanishes: a unit sees part of another, and the rest of it no more. */
const observedVanishes: Anomaly = async (stage) => {
  const [one, two] = await begin(stage)
  const three = await stage.begin()
  await one.run(cells.set(1, 11))
  await one.run(cells.set(2, 19))
  await two.run(cells.set(1, 12))
  await one.commit()
  const before = await three.run(cells.all())
  await two.run(cells.set(2, 18))
  const after = await three.run(cells.all())
  await two.commit()
  await three.commit()
  const seen = [shown(await before.result), shown(await after.result)]
  return seen.some((values) => !['10 20', '11 19', '12 18'].includes(values))
}

/** PMP, predicate-many-preceders: the rows that meet a condition change between two reads of a unit. */
const phantom: Anomaly = async (stage) => {
  const [one, two] = await begin(stage)
  await one.run(cells.dividedBy(3))
  await two.run(cells.insert(3, 30))
  await two.commit()
  const read = await one.run(cells.dividedBy(3))
  await one.commit()
  return shown(await read.result) === '30'
}

/** P4, lost update: a unit overwrites, by what it has read before, a write that it has not seen. */
const lostUpdate: Anomaly = async (stage, committed) => {
  const [one, two] = await begin(stage)
  await one.run(cells.at(1))
  await two.run(cells.at(1))
  await one.run(cells.set(1, 11))
  await two.run(cells.set(1, 12))
  await one.commit()
  await two.commit()
  await stage.ended()
  return (await committed()) === '12 20'
}

/** G-single, read skew: a unit sees one row from before another unit and one from after it. */
const readSkew: Anomaly = async (stage) => {
  const [one, two] = await begin(stage)
  const before = await one.run(cells.at(1))
  await two.run(cells.set(1, 12))
  await two.run(cells.set(2, 18))
  await two.commit()
  const after = await one.run(cells.at(2))
  await one.commit()
  return shown(await before.result) === '10' && shown(await after.result) === '18'
}

/** G-single once more, with a write that goes by what is there now and not by what the unit has read. */
const readSkewByWrite: Anomaly = async (stage) => {
  const [one, two] = await begin(stage)
  await one.run(cells.at(1))
  await two.run(cells.set(1, 12))
  await two.run(cells.set(2, 18))
  await two.commit()
  const removal = await one.run(cells.removeValue(20))
  await one.commit()
  return (await removal.result) === 0
}

/** G2-item, write skew: two units read the same rows, and each writes another of them. */
const writeSkew: Anomaly = async (stage, committed) => {
  const [one, two] = await begin(stage)
  await one.run(cells.all())
  await two.run(cells.all())
  await one.run(cells.set(1, 11))
  await two.run(cells.set(2, 21))
  await one.commit()
  await two.commit()
  await stage.ended()
  return (await committed()) === '11 21'
}

/** G2, write skew on a condition: two units see that no row meets it, and each inserts one that does. */
const predicateSkew: Anomaly = async (stage, committed) => {
  const [one, two] = await begin(stage)
  await one.run(cells.dividedBy(3))
  await two.run(cells.dividedBy(3))
  await one.run(cells.insert(3, 30))
  await two.run(cells.insert(4, 42))
  await one.commit()
  await two.commit()
  await stage.ended()
  return (await committed()) === '10 20 30 42'
}

export const anomalies = {
  G0: dirtyWrite,
  G1a: abortedRead,
  G1b: intermediateRead,
  G1c: circularFlow,
  OTV: observedVanishes,
  PMP: phantom,
  P4: lostUpdate,
  'G-single': readSkew,
  'G-single by write': readSkewByWrite,
  'G2-item': writeSkew,
  G2: predicateSkew,
} as const satisfies Record<string, Anomaly>
