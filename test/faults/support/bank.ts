/** A bank that writes down every transfer in the unit that makes it. */
import { affected, all, defineRepository, many, program, type Query } from '@leasehold/core'
import { mysqlBuilder } from '@leasehold/mysql'

interface Database {
  accounts: { id: number; cents: number }
  /** Without a key, so that a transfer that happened twice is there twice. */
  transfers: { transfer: number }
}

const db = mysqlBuilder<Database>()

const bank = defineRepository('bank', {
  add: (id: number, cents: number) =>
    affected(
      db
        .updateTable('accounts')
        .set((e) => ({ cents: e('cents', '+', cents) }))
        .where('id', '=', id),
      { exactly: 1 },
    ),
  record: (transfer: number) => affected(db.insertInto('transfers').values({ transfer })),
  from: (id: number) => many(db.selectFrom('accounts').select('cents').where('id', '>=', id)),
  below: (id: number) => many(db.selectFrom('accounts').select('cents').where('id', '<', id)),
})

export interface Transfer {
  readonly id: number
  readonly from: number
  readonly to: number
  readonly cents: number
}

/** In two flights, so that a fault can come between what is taken and what is given. */
export function transfer({ id, from, to, cents }: Transfer): Query<void> {
  return program(function* () {
    yield* all([bank.record(id), bank.add(from, -cents)])
    yield* bank.add(to, cents)
  })
}

/** The sum of all accounts, from two reads that agree only in one snapshot. */
export const total: Query<number, 'read'> = program(function* () {
  const below = yield* bank.below(5)
  const from = yield* bank.from(5)
  return [...below, ...from].reduce((sum, { cents }) => sum + cents, 0)
})
