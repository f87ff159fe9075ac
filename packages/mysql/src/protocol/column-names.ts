/** Aliases for column names that mysql2 refuses to read, replaced by the true names in the rows. */
import type { ReadField } from './mysql2-commands.ts'

/** Names of properties of `Object.prototype`, which mysql2 refuses as columns. */
const REFUSED: ReadonlySet<string> = new Set([
  '__defineGetter__',
  '__defineSetter__',
  '__lookupGetter__',
  '__lookupSetter__',
  '__proto__',
])

export class ColumnNames {
  /** True names by alias. */
  readonly #names = new Map<string, string>()

  /**
   * Renames the refused columns among `fields` in place, and adds their aliases to `before`. Columns that share a name share
   * its alias. `undefined` if no column was renamed.
   */
  static of(fields: readonly ReadField[], before: ColumnNames | undefined): ColumnNames | undefined {
    let names = before
    for (const field of fields) {
      if (!REFUSED.has(field.name)) continue
      names ??= new ColumnNames()
      names.#rename(field)
    }
    return names
  }

  /** No name on the servers begins with U+0000, so an alias cannot clash. */
  #rename(field: ReadField): void {
    const alias = `\0${field.name}`
    this.#names.set(alias, field.name)
    field.name = alias
  }

  /** Copies of the rows with the true names as own properties. Restores the names of `fields` in place, too. */
  restore(
    rows: readonly Record<string, unknown>[],
    fields: readonly ReadField[],
  ): readonly Record<string, unknown>[] {
    for (const field of fields) field.name = this.#trueName(field.name)
    return rows.map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [this.#trueName(name), value])),
    )
  }

  #trueName(name: string): string {
    return this.#names.get(name) ?? name
  }
}
