/** Programs as Leasehold's queries. */
import {
  affected,
  all,
  attempt,
  each,
  fail,
  hasMany,
  loader,
  many,
  maybeOne,
  one,
  program,
  type Query,
  recover,
  tableRepository,
} from '@leasehold/core'
import { partsOf, type Step } from './step.ts'
import { db, sendable, type Sendable } from './statements.ts'

/** What a program throws by itself. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

const accountsByIds = (ids: readonly number[]) =>
  many(db.selectFrom('accounts').selectAll().where('id', 'in', ids).orderBy('id'))
const entriesByAccounts = (ids: readonly number[]) =>
  many(db.selectFrom('entries').selectAll().where('account', 'in', ids).orderBy('id'))

const accountLoader = loader(accountsByIds, (row) => row.id)
const entries = hasMany(entriesByAccounts, { from: 'id', to: 'account' })
const notes = tableRepository(db, 'notes', { key: 'id', version: 'version' })

/** Whoever runs it decides between `run` and `read`, whatever the types could tell. */
export type AnyQuery = Query<unknown, 'read'>

export function queryOf(step: Step, unit: number): AnyQuery {
  return made(step, unit) as AnyQuery
}

function made(step: Step, unit: number): Query<unknown> {
  switch (step.do) {
    case 'move':
      return made(partsOf(step), unit)
    case 'load':
      return each(step.ids, (id) => accountLoader.load(id).map((row) => row ?? null))
    case 'relate':
      return accountsByIds(step.ids).with({ entries })
    case 'all':
      return all(step.parts.map((part) => made(part, unit)))
    case 'each':
      return each(step.parts, (part) => made(part, unit))
    case 'turn':
      return program(function* () {
        const values: unknown[] = []
        for (const part of step.parts) values.push(yield* made(part, unit))
        return values
      })
    case 'then': {
      const [first, second] = step.parts
      return made(first, unit).andThen((one) => made(second, unit).map((other) => [one, other]))
    }
    case 'attempt':
      return attempt(made(step.part, unit))
    case 'recover':
      return recover(
        made(step.part, unit).map((whole) => ({ whole })),
        () => made(step.otherwise, unit).map((otherwise) => ({ otherwise })),
      )
    case 'note':
      return noteQuery(step)
    case 'fail':
      return step.how === 'throw'
        ? fail(new Refusal('no'))
        : shaped(sendable({ ...step, how: step.how }, unit))
    default:
      return shaped(sendable(step, unit))
  }
}

function noteQuery({ how, id }: Extract<Step, { do: 'note' }>): Query<unknown> {
  switch (how) {
    case 'insert':
      return notes.insert({ id, text: 'inserted' })
    case 'upsert':
      return notes.upsert({ id, text: 'upserted' }).map(() => null)
    case 'patch':
      return notes.patch({ id, version: 1 }, { text: 'patched' })
    case 'delete':
      return notes.delete({ id, version: 1 }).map(() => null)
    default:
      return notes.find(id).map((row) => row ?? null)
  }
}

function shaped({ builder, shape }: Sendable): Query<unknown> {
  switch (shape) {
    case 'rows':
      return many(builder)
    case 'one':
      return one(builder)
    case 'maybe':
      return maybeOne(builder).map((row) => row ?? null)
    case 'affected':
      return affected(builder)
    case 'exactly one':
      return affected(builder, { exactly: 1 })
    default:
      return many(builder).map(() => null)
  }
}
