/** Kysely's MySQL compiler, which also notes where in the text it put the placeholders. */
import { type CompiledQuery, MysqlQueryCompiler, type QueryId, type RootOperationNode } from 'kysely'

/** A compiled query whose parameters can be written into its text without searching it for question marks. */
export interface PlacedQuery extends CompiledQuery {
  /** Offset of each parameter's placeholder in `sql`, in their order. */
  readonly placeholders: readonly number[]
}

export class PlacingCompiler extends MysqlQueryCompiler {
  #placeholders: number[] = []

  override compileQuery(node: RootOperationNode, queryId: QueryId): PlacedQuery {
    this.#placeholders = []
    return { ...super.compileQuery(node, queryId), placeholders: this.#placeholders }
  }

  protected override getCurrentParameterPlaceholder(): string {
    this.#placeholders.push(this.getSql().length)
    return super.getCurrentParameterPlaceholder()
  }
}

export function isPlaced(compiled: CompiledQuery): compiled is PlacedQuery {
  return 'placeholders' in compiled
}
