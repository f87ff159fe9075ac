/** Names of columns with which mysql2 reads no rows: it is given others, which are put right in the rows. */
import type { ReadField } from './mysql2-commands.ts'

/** Those of properties that every object has, and that mean something else than a value. */
const REFUSED: ReadonlySet<string> = new Set([
  '__defineGetter__',
  '__defineSetter__',
  '__lookupGetter__',
  '__lookupSetter__',
  '__proto__',
])

export class ColumnNames {
  /** The true names, by the others. */
  readonly #names = new Map<string, string>()

  /** Renames what has to be; `undefined` if nothing has been. Columns that share a name share the other, too. */
  static of(fields: readonly ReadField[], before: ColumnNames | undefined): ColumnNames | undefined {
    let names = before
    for (const field of fields) {
      if (!REFUSED.has(field.name)) continue
      names ??= new ColumnNames()
      names.#rename(field)
    }
    return names
  }

  /** The servers have no name that begins with a zero. */
  #rename(field: ReadField): void {
    const other = `\0${field.name}`
    this.#names.set(other, field.name)
    field.name = other
  }

  /** The rows with the true names, as properties of their own; the fields have theirs again. */
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
