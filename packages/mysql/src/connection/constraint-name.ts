/** Constraints, by the names that the server's messages have for them: names alone are the same in all its languages. */
import type { ServerKind } from '../protocol/server-kind.ts'
import type { ServerError } from '../errors.ts'

/** Where the name is, by error number; a name may have the quotes in it that are around it. */
const NAMED: ReadonlyMap<number, RegExp> = new Map([
  // A duplicate: the value, and then the key. No language has more behind it than a mark.
  [1062, /.*[^\w\p{L}]'(.+)'\P{L}*$/su],
  [1586, /.*[^\w\p{L}]'(.+)'\P{L}*$/su],
  // A foreign key: InnoDB's own definition of it.
  [1451, /CONSTRAINT `(.+?)` FOREIGN KEY/su],
  [1452, /CONSTRAINT `(.+?)` FOREIGN KEY/su],
  // A check, on MySQL and MariaDB.
  [3819, /'(.+)'/su],
  [4025, /`(.+?)` failed/su],
])

/** The name of the key or constraint that a statement has violated; `undefined` if there is none, or none is told. */
export function constraintIn({ errno, sqlMessage }: ServerError, server: ServerKind): string | undefined {
  const name = NAMED.get(errno)?.exec(sqlMessage)?.[1]
  // MySQL puts the table before the key.
  return server === 'mysql' && (errno === 1062 || errno === 1586) ? name?.replace(/^[^.]*\./u, '') : name
}
