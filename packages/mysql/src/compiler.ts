/** Kysely's MySQL compiler, which also notes where in the text it put the placeholders, and what becomes of their values. */
import {
  BinaryOperationNode,
  type CompiledQuery,
  MysqlQueryCompiler,
  type OperationNode,
  OperatorNode,
  type QueryId,
  type RootOperationNode,
} from 'kysely'

/** A compiled query whose parameters can be written into its text without searching it for question marks. */
export interface PlacedQuery extends CompiledQuery {
  /** Offset of each parameter's placeholder in `sql`, in their order. */
  readonly placeholders: readonly number[]
  /** Which of the parameters are operands of an addition or the like. */
  readonly operands: ReadonlySet<number>
  /** Which of those that may be bytes become the value of a column as they are. */
  readonly stored: ReadonlySet<number>
}

export class PlacingCompiler extends MysqlQueryCompiler {
  #placeholders: number[] = []
  #operands = NONE
  #stored = NONE

  override compileQuery(node: RootOperationNode, queryId: QueryId): PlacedQuery {
    this.#placeholders = []
    this.#operands = NONE
    this.#stored = NONE
    const compiled = super.compileQuery(node, queryId)
    return { ...compiled, placeholders: this.#placeholders, operands: this.#operands, stored: this.#stored }
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

const ARITHMETIC: ReadonlySet<unknown> = new Set(['+', '-', '*', '/', '%'])

function isArithmetic(node: OperationNode | undefined): boolean {
  if (node === undefined || !BinaryOperationNode.is(node)) return false
  return OperatorNode.is(node.operator) && ARITHMETIC.has(node.operator.operator)
}

export function isPlaced(compiled: CompiledQuery): compiled is PlacedQuery {
  return 'placeholders' in compiled
}
