import { affected, all, many, type Query } from '@leasehold/core'
import { mysqlBuilder } from '@leasehold/mysql'
import type { Fixture } from './fixture.ts'

/** A table with one column of interest. */
type Columns = Record<string, { id: number; value: unknown }>

const db = mysqlBuilder<Columns>()

/** A table of its own for values of one column type. */
export class Column {
  static #count = 0
  readonly #name: string

  private constructor(name: string) {
    this.#name = name
  }

  static async create(fixture: Fixture, type: string): Promise<Column> {
    const name = `column_${Column.#count++}`
    await fixture.rows(`create table ${name} (id int primary key, value ${type} null)`)
    return new Column(name)
  }

  put(values: readonly unknown[]): Query<number> {
    return affected(db.insertInto(this.#name).values(values.map((value, id) => ({ id, value }))))
  }

  /** By statements that are all alike. */
  putOneByOne(values: readonly unknown[]): Query<unknown> {
    return all(values.map((value, id) => affected(db.insertInto(this.#name).values({ id, value }))))
  }

  take(): Query<readonly unknown[]> {
    return many(db.selectFrom(this.#name).selectAll().orderBy('id')).map((rows) =>
      rows.map((row) => row.value),
    )
  }

  clear(): Query<number> {
    return affected(db.deleteFrom(this.#name))
  }
}
