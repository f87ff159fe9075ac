/** Kysely's MySQL compiler, which also notes where in the text it put the placeholders, and what is reckoned with. */
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
}

export class PlacingCompiler extends MysqlQueryCompiler {
  #placeholders: number[] = []
  #operands: ReadonlySet<number> = NONE

  override compileQuery(node: RootOperationNode, queryId: QueryId): PlacedQuery {
    this.#placeholders = []
    this.#operands = NONE
    const compiled = super.compileQuery(node, queryId)
    return { ...compiled, placeholders: this.#placeholders, operands: this.#operands }
  }

  protected override getCurrentParameterPlaceholder(): string {
    if (isArithmetic(this.parentNode)) this.#operands = new Set(this.#operands).add(this.#placeholders.length)
    this.#placeholders.push(this.getSql().length)
    return super.getCurrentParameterPlaceholder()
  }
}

const NONE: ReadonlySet<number> = new Set()

const ARITHMETIC: ReadonlySet<unknown> = new Set(['+', '-', '*', '/', '%'])

function isArithmetic(node: OperationNode | undefined): boolean {
  if (node === undefined || !BinaryOperationNode.is(node)) return false
  return OperatorNode.is(node.operator) && ARITHMETIC.has(node.operator.operator)
}

export function isPlaced(compiled: CompiledQuery): compiled is PlacedQuery {
  return 'placeholders' in compiled
}
