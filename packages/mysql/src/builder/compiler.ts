/** Kysely's MySQL compiler, which also notes where in the text it put the placeholders, and what becomes of their values. */
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

/** A compiled query whose parameters can be written into its text without searching it for question marks. */
export interface PlacedQuery extends CompiledQuery {
  /** Offset of each parameter's placeholder in `sql`, in their order. */
  readonly placeholders: readonly number[]
  /** Which of the parameters are operands of an addition or the like. */
  readonly operands: ReadonlySet<number>
  /** Which of those that may be bytes become the value of a column as they are. */
  readonly stored: ReadonlySet<number>
  /** Columns that are compared with several of them at once. */
  readonly severals: readonly Several[]
}

/** A column and the values that it is compared with by one operator; see `isSplit`. */
export interface Several {
  readonly operator: SeveralOperator
  /** Offsets in `sql`: of the column, of its end, and of the end of the values. */
  readonly start: number
  readonly columnEnd: number
  readonly end: number
  /** The parameters. */
  readonly first: number
  readonly count: number
}

export type SeveralOperator = 'in' | 'not in' | 'between'

export class PlacingCompiler extends MysqlQueryCompiler {
  #placeholders: number[] = []
  #operands = NONE
  #stored = NONE
  #severals: Several[] = []

  override compileQuery(node: RootOperationNode, queryId: QueryId): PlacedQuery {
    this.#placeholders = []
    this.#operands = NONE
    this.#stored = NONE
    this.#severals = []
    return {
      ...super.compileQuery(node, queryId),
      placeholders: this.#placeholders,
      operands: this.#operands,
      stored: this.#stored,
      severals: this.#severals,
    }
  }

  protected override visitBinaryOperation(node: BinaryOperationNode): void {
    assertNoList(node)
    const operator = severalOperatorOf(node)
    if (operator === undefined) return super.visitBinaryOperation(node)
    if (PrimitiveValueListNode.is(node.rightOperand) && node.rightOperand.values.length === 0) {
      // Nothing is in it, which the servers have no list for.
      return this.append(operator === 'in' ? 'false' : 'true')
    }
    const start = this.getSql().length
    this.visitNode(node.leftOperand)
    const columnEnd = this.getSql().length
    this.append(` ${operator} `)
    const first = this.#placeholders.length
    this.visitNode(node.rightOperand)
    const count = this.#placeholders.length - first
    this.#severals.push({ operator, start, columnEnd, end: this.getSql().length, first, count })
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

  /** Whether the value under way is one of VALUES, or of SET. */
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

/** Kysely makes a list of an array, which the servers take for a value if it has but one. */
function assertNoList({ operator, rightOperand }: BinaryOperationNode): void {
  if (!PrimitiveValueListNode.is(rightOperand) || !OperatorNode.is(operator)) return
  if (operator.operator === 'in' || operator.operator === 'not in') return
  throw new UsageError(
    `an array stands behind ${operator.operator}, where one value belongs: use in, or not in, with a list, or JSON.stringify it`,
  )
}

/** Absent for any operation but of a column with a list of values, or with two between which it is to be. */
function severalOperatorOf({
  leftOperand,
  operator,
  rightOperand,
}: BinaryOperationNode): SeveralOperator | undefined {
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
