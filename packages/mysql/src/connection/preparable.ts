/** Statements that give the same result as text and prepared. */
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
 * Whether the value alone of each parameter counts, and not its type. That holds beside a column, for comparison or arithmetic;
 * as the new value of a column; and as a limit. Elsewhere the type shows, and the servers derive it from earlier uses: the
 * digits of `? * ?` and `round(?, 1)`, the comparison of `? in (a, b)`.
 */
export function isPreparable(root: OperationNode): boolean {
  const open: { readonly part: unknown; readonly operand: boolean }[] = [{ part: root, operand: false }]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { part } = next
    if (typeof part !== 'object' || part === null) continue
    if (isParameter(part)) return false
    // A subquery has parentheses. Kysely adds none around operands: only the text shows how the server groups them.
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

/** The parts of a node, without the parameters whose place is allowed. */
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

/** The parts of a new value: a value, or arithmetic on another column. The column converts either to its own type. */
function withoutStored(part: OperationNode): readonly unknown[] {
  if (isParameter(part)) return []
  if (!BinaryOperationNode.is(part) || !OperatorNode.is(part.operator)) return [part]
  if (!ARITHMETIC.has(part.operator.operator) || !ReferenceNode.is(part.leftOperand)) return [part]
  return isParameter(part.rightOperand) ? [] : [part]
}

const ARITHMETIC: ReadonlySet<string> = new Set(['+', '-', '*'])

/** A parameter is allowed beside a column and an operator whose result does not depend on types. */
function partsOfOperation({ leftOperand, operator, rightOperand }: BinaryOperationNode): readonly unknown[] {
  if (!OperatorNode.is(operator) || !VALUE_OPERATORS.has(operator.operator))
    return [leftOperand, operator, rightOperand]
  if (ReferenceNode.is(rightOperand) && isParameter(leftOperand)) return []
  if (!ReferenceNode.is(leftOperand)) return [leftOperand, rightOperand]
  if (isParameter(rightOperand) || PrimitiveValueListNode.is(rightOperand)) return []
  // A parameter and two columns determine the type together.
  if (AndNode.is(rightOperand) && isParameter(rightOperand.left) && isParameter(rightOperand.right)) return []
  return [rightOperand]
}

/** Operators whose result has the same value for all types of operands. */
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
