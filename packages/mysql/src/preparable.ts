/** Which statements give the same whether they are sent as text or prepared. */
import type { OperationNode } from 'kysely'

/**
 * Whether all of a statement's parameters are in places where only their values count: compared, or stored. What is
 * selected, and what raw SQL makes of a parameter, also has a type, and MySQL takes it from the parameters of earlier
 * uses: of `select ? / 3` the digits. In ORDER BY and GROUP BY a number in the text is the place of a column.
 */
export function isPreparable(root: OperationNode): boolean {
  const open: { readonly part: unknown; readonly typed: boolean }[] = [{ part: root, typed: false }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { part, typed } = next
    if (typeof part !== 'object' || part === null) continue
    if (typed && isParameter(part)) return false
    if ('kind' in part && HOLDS_VALUES.has(part.kind)) continue
    const within = typed || ('kind' in part && TYPED.has(part.kind))
    for (const inner of Object.values(part)) open.push({ part: inner, typed: within })
  }
  return true
}

const TYPED: ReadonlySet<unknown> = new Set([
  'GroupByNode',
  'OrderByNode',
  'RawNode',
  'SelectionNode',
] satisfies OperationNode['kind'][])

const HOLDS_VALUES: ReadonlySet<unknown> = new Set([
  'PrimitiveValueListNode',
  'ValueNode',
] satisfies OperationNode['kind'][])

function isParameter(part: object): boolean {
  return 'kind' in part && HOLDS_VALUES.has(part.kind) && !('immediate' in part && part.immediate === true)
}
