/** Expressions by chance, as data: built again for each list of values, with the same text each time. */
import type { Random } from '../../examples/order-desk/generate/random.ts'
import type { Expression, ExpressionBuilder, SqlBool } from 'kysely'
import { pick, weighted } from '../adversary/choice.ts'

export type Row = Record<string, unknown> & { readonly id: number }
export type AnyDatabase = Record<string, Row>
export type Builder = ExpressionBuilder<AnyDatabase, string>

/** Takes the next value. */
export type Next = () => unknown

export type Make<T = unknown> = (e: Builder, next: Next) => Expression<T>

/** Ways to make one, each as likely as its weight says. */
type Kinds<M> = readonly (readonly [weight: number, make: () => M])[]

const COMPARISONS = ['=', '!=', '<', '<=', '>', '>=', '<=>', 'like', 'not like'] as const
const ARITHMETIC = ['+', '-', '*'] as const

/** A condition on some of the columns. */
export function conditionOf(
  random: Random,
  columns: readonly [string, ...string[]],
  depth: number,
): Make<SqlBool> {
  const operand = (): Make => operandOf(random, columns, depth - 1)
  const inner = (): Make<SqlBool> => conditionOf(random, columns, depth - 1)
  const column = pick(random, columns)
  const kinds: Kinds<Make<SqlBool>> = [
    [
      4,
      () => {
        const operator = pick(random, COMPARISONS)
        return (e: Builder, next: Next) => e(column, operator, next() as never)
      },
    ],
    [2, () => (e, next) => e(column, 'in', [next(), next()] as never)],
    [1, () => (e, next) => e(column, 'not in', [next(), next()] as never)],
    [1, () => (e, next) => e.between(column, next() as never, next() as never)],
    ...(depth > 0
      ? ([
          [
            2,
            () => {
              const [left, operator, right] = [operand(), pick(random, COMPARISONS), operand()]
              return (e: Builder, next: Next) => e(left(e, next), operator, right(e, next) as never)
            },
          ],
          [
            1,
            () => {
              const [left, from, to] = [operand(), operand(), operand()]
              return (e: Builder, next: Next) =>
                e.between(left(e, next), from(e, next) as never, to(e, next) as never)
            },
          ],
          [
            1,
            () => {
              const [left, one, other] = [operand(), operand(), operand()]
              return (e: Builder, next: Next) =>
                e(left(e, next), 'in', [one(e, next), other(e, next)] as never)
            },
          ],
          [
            1,
            () => {
              const [one, other, negated] = [inner(), inner(), random.chance(50)]
              return (e: Builder, next: Next) => {
                const either = e.or([one(e, next), other(e, next)])
                return negated ? e.not(either) : either
              }
            },
          ],
        ] satisfies Kinds<Make<SqlBool>>)
      : []),
  ]
  return weighted(random, kinds)()
}

/** What a column may be compared with, or set to. */
export function operandOf(random: Random, columns: readonly [string, ...string[]], depth: number): Make {
  const inner = (): Make => operandOf(random, columns, depth - 1)
  const column = pick(random, columns)
  const kinds: Kinds<Make> = [
    [3, () => (e, next) => e.val(next())],
    [2, () => (e) => e.ref(column)],
    ...(depth > 0
      ? ([
          [
            3,
            () => {
              const [left, operator, right] = [inner(), pick(random, ARITHMETIC), inner()]
              return (e: Builder, next: Next) => e(left(e, next) as never, operator, right(e, next) as never)
            },
          ],
          [
            1,
            () => {
              const operand = inner()
              return (e: Builder, next: Next) => e.neg(operand(e, next) as never)
            },
          ],
          [
            1,
            () => {
              const [when, then, otherwise] = [conditionOf(random, columns, depth - 1), inner(), inner()]
              return (e: Builder, next: Next) =>
                e.case().when(when(e, next)).then(then(e, next)).else(otherwise(e, next)).end()
            },
          ],
        ] satisfies Kinds<Make>)
      : []),
  ]
  return weighted(random, kinds)()
}
