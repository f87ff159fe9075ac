/** Kysely's MySQL compiler, extended to record the offset of each placeholder and the role of its value. */
import { UsageError } from '@leasehold/core'
import {
  AndNode,
  BinaryOperationNode,
  type CompiledQuery,
  MysqlQueryCompiler,
  type OperationNode,
  OperatorNode,
  PrimitiveValueListNode,
  type QueryId,
  ReferenceNode,
  type RootOperationNode,
  ValueNode,
} from 'kysely'

/** A compiled query with the offsets of its placeholders, so that binding values needs no search for question marks. */
export interface PlacedQuery extends CompiledQuery {
  /** Offset of each parameter's placeholder in `sql`, in order. */
  readonly placeholders: readonly number[]
  /** Indexes of parameters that are operands of arithmetic. */
  readonly operands: ReadonlySet<number>
  /** Indexes of parameters that may be bytes and are stored in a column unchanged. */
  readonly stored: ReadonlySet<number>
  /** Comparisons of a column with several parameters. */
  readonly comparisons: readonly MultiValueComparison[]
}

/** A comparison of one column with several values by one operator; see `mustSplit`. */
export interface MultiValueComparison {
  readonly operator: MultiValueOperator
  /** Offset of the column in `sql`; the other two are its end and the end of the values. */
  readonly start: number
  readonly columnEnd: number
  readonly end: number
  /** Index of the first parameter, and number of parameters. */
  readonly first: number
  readonly count: number
}

export type MultiValueOperator = 'in' | 'not in' | 'between'

export class PlacingCompiler extends MysqlQueryCompiler {
  #placeholders: number[] = []
  #operands = NONE
  #stored = NONE
  #comparisons: MultiValueComparison[] = []

  override compileQuery(node: RootOperationNode, queryId: QueryId): PlacedQuery {
    this.#placeholders = []
    this.#operands = NONE
    this.#stored = NONE
    this.#comparisons = []
    return {
      ...super.compileQuery(node, queryId),
      placeholders: this.#placeholders,
      operands: this.#operands,
      stored: this.#stored,
      comparisons: this.#comparisons,
    }
  }

  protected override visitBinaryOperation(node: BinaryOperationNode): void {
    assertNoList(node)
    const operator = multiValueOperatorOf(node)
    if (operator === undefined) return super.visitBinaryOperation(node)
    if (PrimitiveValueListNode.is(node.rightOperand) && node.rightOperand.values.length === 0) {
      // The servers have no syntax for an empty list.
      return this.append(operator === 'in' ? 'false' : 'true')
    }
    const start = this.getSql().length
    this.visitNode(node.leftOperand)
    const columnEnd = this.getSql().length
    this.append(` ${operator} `)
    const first = this.#placeholders.length
    this.visitNode(node.rightOperand)
    const count = this.#placeholders.length - first
    this.#comparisons.push({ operator, start, columnEnd, end: this.getSql().length, first, count })
  }

  protected override appendValue(parameter: unknown): void {
    const index = this.#placeholders.length
    if (isArithmetic(this.parentNode)) this.#operands = new Set(this.#operands).add(index)
    if (typeof parameter === 'object' && this.#isStored()) this.#stored = new Set(this.#stored).add(index)
    super.appendValue(parameter)
  }

  protected override getCurrentParameterPlaceholder(): string {
    this.#placeholders.push(this.getSql().length)
    return super.getCurrentParameterPlaceholder()
  }

  /** Whether the value being compiled belongs to VALUES or SET. */
  #isStored(): boolean {
    const parent = this.parentNode
    return STORING.has(parent?.kind === 'ValueListNode' ? this.nodeStack.at(-3)?.kind : parent?.kind)
  }
}

const NONE: ReadonlySet<number> = new Set()

const STORING: ReadonlySet<string | undefined> = new Set([
  'ColumnUpdateNode',
  'ValuesNode',
] satisfies OperationNode['kind'][])

/** Kysely compiles an array to a list, and the servers read a list of one as that value. */
function assertNoList({ operator, rightOperand }: BinaryOperationNode): void {
  if (!PrimitiveValueListNode.is(rightOperand) || !OperatorNode.is(operator)) return
  if (operator.operator === 'in' || operator.operator === 'not in') return
  throw new UsageError(
    `${operator.operator} takes one value, got an array: use in or not in with a list, or JSON.stringify the array`,
  )
}

/** `undefined` unless the operation compares a column with a list of values, or by BETWEEN with two values. */
function multiValueOperatorOf({
  leftOperand,
  operator,
  rightOperand,
}: BinaryOperationNode): MultiValueOperator | undefined {
  if (!ReferenceNode.is(leftOperand) || !OperatorNode.is(operator)) return undefined
  switch (operator.operator) {
    case 'in':
    case 'not in':
      return PrimitiveValueListNode.is(rightOperand) ? operator.operator : undefined
    case 'between':
      return AndNode.is(rightOperand) && isValue(rightOperand.left) && isValue(rightOperand.right)
        ? 'between'
        : undefined
    default:
      return undefined
  }
}

function isValue(node: OperationNode): boolean {
  return ValueNode.is(node) && node.immediate !== true
}

const ARITHMETIC: ReadonlySet<unknown> = new Set(['+', '-', '*', '/', '%'])

function isArithmetic(node: OperationNode | undefined): boolean {
  if (node === undefined || !BinaryOperationNode.is(node)) return false
  return OperatorNode.is(node.operator) && ARITHMETIC.has(node.operator.operator)
}

export function isPlaced(compiled: CompiledQuery): compiled is PlacedQuery {
  return 'placeholders' in compiled
}
