/** Which statements give the same whether they are sent as text or prepared. */
import {
  AndNode,
  BinaryOperationNode,
  type OperationNode,
  OperatorNode,
  PrimitiveValueListNode,
  ReferenceNode,
  UnaryOperationNode,
  ValueListNode,
  ValueNode,
} from 'kysely'

/**
 * Whether each of a statement's parameters is where its value alone counts: beside a column, to be compared with it or reckoned
 * with; what a column is to hold; or a limit. Anywhere else its type shows as well, which the servers make out of earlier
 * uses: of `? * ?` and `round(?, 1)` the digits, of `? in (a, b)` how it is compared.
 */
export function isPreparable(root: OperationNode): boolean {
  const open: { readonly part: unknown; readonly operand: boolean }[] = [{ part: root, operand: false }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { part } = next
    if (typeof part !== 'object' || part === null) continue
    if (isParameter(part)) return false
    // A query is in parentheses. Kysely puts none around operands: which they are to the server, only their text tells.
    const operand = !isQuery(part) && (next.operand || isOperation(part))
    const inner = isOperationNode(part) && !next.operand ? withoutPlaced(part) : Object.values(part)
    for (const one of inner) open.push({ part: one, operand })
  }
  return true
}

function isQuery(part: object): boolean {
  return isOperationNode(part) && part.kind === 'SelectQueryNode'
}

function isOperation(part: object): boolean {
  return isOperationNode(part) && (BinaryOperationNode.is(part) || UnaryOperationNode.is(part))
}

/** The parts of a node, but for the parameters that are in a place for them. */
function withoutPlaced(node: OperationNode): readonly unknown[] {
  if (BinaryOperationNode.is(node)) return partsOfOperation(node)
  const parts = Object.values(node) as readonly unknown[]
  switch (node.kind) {
    case 'ColumnUpdateNode':
      return parts.flatMap((part) => (isOperationNode(part) ? withoutStored(part) : []))
    case 'LimitNode':
    case 'OffsetNode':
      return parts.filter((part) => !isOperationNode(part) || !isParameter(part))
    case 'ValuesNode':
      return parts.flat().flatMap((part) => {
        if (!isOperationNode(part) || PrimitiveValueListNode.is(part)) return []
        return ValueListNode.is(part) ? part.values.filter((value) => !isParameter(value)) : [part]
      })
    default:
      return parts
  }
}

/** Of what a column is to hold: a value, or another column and what is added to it, of which the column makes its own type. */
function withoutStored(part: OperationNode): readonly unknown[] {
  if (isParameter(part)) return []
  if (!BinaryOperationNode.is(part) || !OperatorNode.is(part.operator)) return [part]
  if (!ARITHMETIC.has(part.operator.operator) || !ReferenceNode.is(part.leftOperand)) return [part]
  return isParameter(part.rightOperand) ? [] : [part]
}

const ARITHMETIC: ReadonlySet<string> = new Set(['+', '-', '*'])

/** Beside a column, and an operator whose result does not depend on types, parameters are in place. */
function partsOfOperation({ leftOperand, operator, rightOperand }: BinaryOperationNode): readonly unknown[] {
  if (!OperatorNode.is(operator) || !VALUE_OPERATORS.has(operator.operator))
    return [leftOperand, operator, rightOperand]
  if (ReferenceNode.is(rightOperand) && isParameter(leftOperand)) return []
  if (!ReferenceNode.is(leftOperand)) return [leftOperand, rightOperand]
  if (isParameter(rightOperand) || PrimitiveValueListNode.is(rightOperand)) return []
  // Between a parameter and another column, all three make up the type.
  if (AndNode.is(rightOperand) && isParameter(rightOperand.left) && isParameter(rightOperand.right)) return []
  return [rightOperand]
}

/** Those whose result has the same value whatever the types of its operands. */
const VALUE_OPERATORS: ReadonlySet<string> = new Set(
  '=,!=,<>,<=>,<,<=,>,>=,in,not in,is,is not,like,not like,between'.split(','),
)

function isOperationNode(part: unknown): part is OperationNode {
  return typeof part === 'object' && part !== null && 'kind' in part
}

function isParameter(part: object): boolean {
  if (!('kind' in part)) return false
  const node = part as OperationNode
  return PrimitiveValueListNode.is(node) || (ValueNode.is(node) && node.immediate !== true)
}
