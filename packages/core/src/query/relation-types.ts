/** The types of rows with related rows nested into them. */

/** A relation for rows of type `Parent`; `hasMany`, `hasOne` and `belongsTo` make it. */
export interface Nestable<in Parent, out Value, out Missing, out A extends 'read' | 'write'> {
  /**
   * Exists for type inference only. `Value` is the type of the nested value; a parent whose column `from` may be null has
   * `Value | Missing`. `A` is the access of the relation's query.
   */
  readonly '~nests': (parent: Parent) => readonly [Value, Missing, A]
}

/** Relations by the property that each adds to rows of type `Row`. */
export type Relations<Row> = Readonly<Record<string, Nestable<Row, unknown, unknown, 'read' | 'write'>>>

/** The row type of a query's result `T`: many rows, one, or at most one. */
export type RowIn<T> = T extends readonly (infer Row)[] ? Row : NonNullable<T>

/** The result `T` of a query with the relations `R` nested into its rows. */
export type Nested<T, R> = T extends readonly (infer Row)[]
  ? NestedRow<Row, R>[]
  : T extends object
    ? NestedRow<T, R>
    : T

/** `Row` with the values of the relations `R`; a mapped type, so that editors show its columns. */
export type NestedRow<Row, R> = Row extends unknown
  ? {
      [K in keyof (Omit<Row, keyof R> & R)]: K extends keyof R
        ? NestedValue<Row, R[K]>
        : K extends keyof Row
          ? Row[K]
          : never
    } & {}
  : never

/** The value that `Relation` adds to `Row`. */
export type NestedValue<Row, Relation> =
  Relation extends Nestable<infer Parent, infer Value, infer Missing, 'read' | 'write'>
    ? Value | (Extract<Row[keyof Parent & keyof Row], null | undefined> extends never ? never : Missing)
    : never

/** The union of the accesses of the relations `R`. */
export type AccessOfRelations<R> = {
  [K in keyof R]: R[K] extends Nestable<never, unknown, unknown, infer A> ? A : never
}[keyof R]
