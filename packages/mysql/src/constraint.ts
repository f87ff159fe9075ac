/** Constraints, by the names that the server's messages have for them: names alone are the same in all its languages. */
import type { ServerKind } from './control.ts'
import type { ServerError } from './errors.ts'

/** Where the name is, by error number. */
const NAMED: ReadonlyMap<number, RegExp> = new Map([
  // A duplicate: the value, and then the key.
  [1062, /'([^']*)'[^']*$/u],
  [1586, /'([^']*)'[^']*$/u],
  // A foreign key: InnoDB's own definition of it.
  [1451, /CONSTRAINT `([^`]*)`/u],
  [1452, /CONSTRAINT `([^`]*)`/u],
  // A check, on MySQL and MariaDB.
  [3819, /'([^']*)'/u],
  [4025, /`([^`]*)`/u],
])

/** The name of the key or constraint that a statement has violated; `undefined` if there is none, or none is told. */
export function constraintIn({ errno, sqlMessage }: ServerError, server: ServerKind): string | undefined {
  const name = NAMED.get(errno)?.exec(sqlMessage)?.[1]
  // MySQL puts the table before the key.
  return server === 'mysql' && (errno === 1062 || errno === 1586) ? name?.replace(/^[^.]*\./u, '') : name
}
