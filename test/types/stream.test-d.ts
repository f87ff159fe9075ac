import { affected, many, one, type RowStream } from '@leasehold/core'
import { expectTypeOf, test } from 'vitest'
import { db, uow } from './shop.ts'

const select = db.selectFrom('entries').select(['id', 'cents'])
type Row = { id: number; cents: number }

test('a stream gives the rows of its query', () => {
  expectTypeOf(uow.stream(select)).toEqualTypeOf<RowStream<Row>>()
  expectTypeOf(uow.stream(many(select))).toEqualTypeOf<RowStream<Row>>()
  void uow.run(async (q) => {
    for await (const row of q.stream(select)) expectTypeOf(row).toEqualTypeOf<Row>()
    for await (const rows of q.stream(select).batches()) expectTypeOf(rows).toEqualTypeOf<readonly Row[]>()
  })
})

test('what gives no rows, or does more than read, is no stream', () => {
  // @ts-expect-error one row is none of many
  uow.stream(one(select))
  // @ts-expect-error a number of rows is no row
  uow.stream(affected(db.deleteFrom('entries')))
  // @ts-expect-error a stream only reads
  uow.stream(db.deleteFrom('entries'))
  // @ts-expect-error a read-only unit only reads
  void uow.read(async (q) => q.stream(db.deleteFrom('entries')))
  // @ts-expect-error rows that were taken can't be taken back
  uow.stream(select, { retry: true })
  expectTypeOf(uow.stream(select)).not.toExtend<readonly Row[]>()
})
