/** The types of rows that have related rows nested into them. */

/** What can be nested into rows of type `Parent`; `hasMany`, `hasOne` and `belongsTo` make it. */
export interface Nestable<in Parent, out Value, out Missing, out A extends 'read' | 'write'> {
  /** `Value` is what a parent gets, `Missing` what else one gets whose column may be null. Of types only. */
  readonly '~nests': (parent: Parent) => readonly [Value, Missing, A]
}

/** Relations by the names under which rows of type `Row` get them. */
export type Relations<Row> = Readonly<Record<string, Nestable<Row, unknown, unknown, 'read' | 'write'>>>

/** The row in what a query gives: many rows, one, or at most one. */
export type RowIn<T> = T extends readonly (infer Row)[] ? Row : NonNullable<T>

/** `T` with the relations `R` nested into its rows. */
export type Nested<T, R> = T extends readonly (infer Row)[]
  ? NestedRow<Row, R>[]
  : T extends object
    ? NestedRow<T, R>
    : T

/** `Row` with what the relations `R` give it; written out, so that a reader hovers over columns. */
export type NestedRow<Row, R> = Row extends unknown
  ? {
      [K in keyof (Omit<Row, keyof R> & R)]: K extends keyof R
        ? NestedValue<Row, R[K]>
        : K extends keyof Row
          ? Row[K]
          : never
    } & {}
  : never

/** What a relation gives to `Row`. */
export type NestedValue<Row, Relation> =
  Relation extends Nestable<infer Parent, infer Value, infer Missing, 'read' | 'write'>
    ? Value | (Extract<Row[keyof Parent & keyof Row], null | undefined> extends never ? never : Missing)
    : never

/** The access that the relations `R` ask for. */
export type AccessOfRelations<R> = {
  [K in keyof R]: R[K] extends Nestable<never, unknown, unknown, infer A> ? A : never
}[keyof R]
