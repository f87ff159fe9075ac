/** Transfers that write down both of their halves, and what was told of them, held against what is there. */
import {
  affected,
  all,
  CommitUnknownError,
  defineRepository,
  program,
  type Query,
  StatementError,
} from '@leasehold/core'
import { mysqlBuilder } from '@leasehold/mysql'
import type { Generated } from 'kysely'
import { onTestFailed } from 'vitest'
import { accounts } from '../../mysql/support/fixture.ts'
import type { GaleraFixture } from './galera-fixture.ts'

/** Its key has nothing to do with the transfer, so that a half that happened twice is there twice. */
export const halvesTable =
  'create table halves (id int primary key auto_increment, transfer int not null, half varchar(5) not null)'

type Half = 'taken' | 'given'

const db = mysqlBuilder<{ halves: { id: Generated<number>; transfer: number; half: Half } }>()

const halves = defineRepository('halves', {
  record: (transfer: number, half: Half) => affected(db.insertInto('halves').values({ transfer, half })),
})

export interface Transfer {
  readonly id: number
  readonly from: number
  readonly to: number
  readonly cents: number
}

/** In two flights, so that a conflict can come between what is taken and what is given. */
export function transfer({ id, from, to, cents }: Transfer): Query<void> {
  return program(function* () {
    yield* all([halves.record(id, 'taken'), accounts.add(from, -cents)])
    yield* all([halves.record(id, 'given'), accounts.add(to, cents)])
  })
}

/** What differs between what was told and what is there. */
export interface Discrepancies {
  /** Told committed, and not there whole. */
  readonly lost: readonly number[]
  /** Told failed, and there. */
  readonly kept: readonly number[]
  /** Told unknown, and neither whole nor absent. */
  readonly half: readonly number[]
}

export const NONE: Discrepancies = { lost: [], kept: [], half: [] }

export class Book {
  readonly committed: number[] = []
  readonly failed = new Map<number, Error>()
  readonly unknown = new Map<number, CommitUnknownError>()

  /** Waits for the end of the transfer and writes down what is told of it. */
  async note(id: number, end: Promise<void>): Promise<void> {
    try {
      await end
      this.committed.push(id)
    } catch (error) {
      if (error instanceof CommitUnknownError) this.unknown.set(id, error)
      else this.failed.set(id, error as Error)
    }
  }

  /** For a test, whose failure will tell how many were told what. */
  constructor() {
    onTestFailed(({ task }) => {
      for (const error of task.result?.errors ?? []) error.message += `\n${this.summary}`
    })
  }

  get summary(): string {
    const errors = new Map<string, number>()
    for (const error of [...this.failed.values(), ...this.unknown.values()]) {
      const told = error instanceof StatementError ? `${error.name} ${error.errno}` : error.name
      errors.set(told, (errors.get(told) ?? 0) + 1)
    }
    return `told committed: ${this.committed.length}, else: ${JSON.stringify(Object.fromEntries(errors))}`
  }

  async discrepancies(fixture: GaleraFixture, node: number): Promise<Discrepancies> {
    const stateOf = await stateOfTransfers(fixture, node)
    return {
      lost: this.committed.filter((id) => stateOf(id) !== 'whole'),
      kept: [...this.failed.keys()].filter((id) => stateOf(id) !== 'absent'),
      half: [...this.unknown.keys()].filter((id) => stateOf(id) === 'broken'),
    }
  }
}

export type TransferState = 'whole' | 'absent' | 'broken'

export async function stateOfTransfers(
  fixture: GaleraFixture,
  node: number,
): Promise<(id: number) => TransferState> {
  const found = await fixture.rows<{ transfer: number; halves: string }>(
    node,
    'select transfer, group_concat(half order by half) as halves from halves group by transfer',
  )
  const halvesOf = new Map(found.map(({ transfer, halves }) => [transfer, halves]))
  return (id) => {
    const there = halvesOf.get(id)
    if (there === undefined) return 'absent'
    return there === 'given,taken' ? 'whole' : 'broken'
  }
}
