/** Random programs over the accounts of the fixture: of statements that work, that fail and that wait for others. */
import { affected, all, attempt, fail, many, program, type Query } from '@leasehold/core'
import fc from 'fast-check'
import { sql } from 'kysely'
import { accounts, db } from '../../mysql/support/fixture.ts'
import { HOSTILE } from '../../mysql/support/hostile-strings.ts'

export class Refusal extends Error {
  override readonly name = 'Refusal'
}

export type Program =
  | { readonly run: 'add' | 'insert'; readonly id: number; readonly cents: number; readonly name: string }
  | { readonly run: 'read' | 'find' | 'lock'; readonly id: number }
  | { readonly run: 'list' | 'raw' | 'syntax error' | 'refuse' }
  | { readonly run: 'together' | 'in turn'; readonly parts: readonly Program[] }
  | { readonly run: 'attempt'; readonly part: Program }

/** Beyond the nine that exist: some statements find nothing, some keys are free. */
const id = fc.integer({ min: 1, max: 12 })
const cents = fc.integer({ min: -100, max: 100 })
const name = fc.oneof(fc.constantFrom(...HOSTILE), fc.string({ unit: 'grapheme', maxLength: 20 }))

export const programs: fc.Arbitrary<Program> = fc.letrec<{ program: Program; parts: Program[] }>((tie) => ({
  parts: fc.array(tie('program'), { maxLength: 5 }),
  program: fc.oneof(
    { maxDepth: 3 },
    { weight: 6, arbitrary: fc.record({ run: fc.constantFrom('add', 'insert'), id, cents, name }) },
    { weight: 3, arbitrary: fc.record({ run: fc.constantFrom('read', 'find', 'lock'), id }) },
    {
      weight: 1,
      arbitrary: fc.record({ run: fc.constantFrom('list', 'list', 'raw', 'syntax error', 'refuse') }),
    },
    { weight: 6, arbitrary: fc.record({ run: fc.constantFrom('together', 'in turn'), parts: tie('parts') }) },
    { weight: 2, arbitrary: fc.record({ run: fc.constant('attempt'), part: tie('program') }) },
  ),
})).program

export function queryOf(one: Program): Query<unknown> {
  switch (one.run) {
    case 'add':
      return accounts.add(one.id, one.cents)
    case 'insert':
      return affected(db.insertInto('accounts').values({ id: one.id, name: one.name, cents: one.cents }))
    case 'read':
      return accounts.byId(one.id)
    case 'find':
      return accounts.find(one.id)
    case 'lock':
      return accounts.lock(one.id)
    case 'list':
      return accounts.all()
    case 'raw':
      return many(sql`update accounts set cents = cents * 2 where id < 4`.compile(db))
    case 'syntax error':
      return affected(db.updateTable('accounts').set({ cents: sql`1 1` }))
    case 'refuse':
      return fail(new Refusal('no'))
    case 'together':
      return all(one.parts.map(queryOf))
    case 'in turn':
      return program(function* () {
        const values: unknown[] = []
        for (const part of one.parts) values.push(yield* queryOf(part))
        return values
      })
    default:
      return attempt(queryOf(one.part))
  }
}
