/** Which statements give the same whether they are sent as text or prepared. */
import type { OperationNode } from 'kysely'

/**
 * Whether all of a statement's parameters are in places where only their values count: compared, stored, or added up.
 * Anywhere else their type shows as well, and MySQL makes it out of earlier uses: of `? / 3` and `round(?, 1)` the digits.
 * In ORDER BY and GROUP BY a number in the text is the place of a column.
 */
export function isPreparable(root: OperationNode): boolean {
  const open: { readonly part: unknown; readonly typed: boolean }[] = [{ part: root, typed: false }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { part, typed } = next
    if (typeof part !== 'object' || part === null) continue
    if (typed && isParameter(part)) return false
    if ('kind' in part && HOLDS_VALUES.has(part.kind)) continue
    const within = typed || showsType(part)
    for (const inner of Object.values(part)) open.push({ part: inner, typed: within })
  }
  return true
}

const TYPED: ReadonlySet<unknown> = new Set([
  'AggregateFunctionNode',
  'CastNode',
  'FunctionNode',
  'GroupByNode',
  'OrderByNode',
  'RawNode',
  'SelectionNode',
] satisfies OperationNode['kind'][])

/** Those whose result has the same value whatever the types of its operands. */
const VALUE_OPERATORS: ReadonlySet<unknown> = new Set(
  '=,!=,<>,<=>,<,<=,>,>=,in,not in,is,is not,like,not like,between,+,-,*'.split(','),
)

const HOLDS_VALUES: ReadonlySet<unknown> = new Set([
  'PrimitiveValueListNode',
  'ValueNode',
] satisfies OperationNode['kind'][])

function showsType(part: object): boolean {
  if (!('kind' in part)) return false
  return part.kind === 'BinaryOperationNode' ? !VALUE_OPERATORS.has(operatorOf(part)) : TYPED.has(part.kind)
}

function operatorOf(part: object): unknown {
  if (!('kind' in part) || part.kind !== 'BinaryOperationNode') return undefined
  const { operator } = part as unknown as { readonly operator: { readonly operator?: unknown } }
  return operator.operator
}

function isParameter(part: object): boolean {
  return 'kind' in part && HOLDS_VALUES.has(part.kind) && !('immediate' in part && part.immediate === true)
}
