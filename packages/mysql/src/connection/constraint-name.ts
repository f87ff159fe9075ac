/** Names of violated constraints, out of the server's messages: messages are translated, names are not. */
import type { ServerKind } from '../protocol/server-kind.ts'
import type { ServerError } from '../errors.ts'

/** A message that quotes the value and then the key. Languages other than English have other words around them. */
const DUPLICATE = [/.* for key '(.+)'$/su, /.*'([^']+)'[^']*$/su]

/** InnoDB's definition of the key, in English in every language. */
const FOREIGN_KEY = /CONSTRAINT `((?:[^`]|``)+)` FOREIGN KEY/su

/** The table at the end of a message. */
const TABLE = /[.。]`((?:[^`]|``)+)`[^`]*$/su

/** Forms of the messages by error number, the most certain first. */
const FORMS: Readonly<Record<number, readonly RegExp[]>> = {
  1062: DUPLICATE,
  1586: DUPLICATE,
  1451: [FOREIGN_KEY],
  1452: [FOREIGN_KEY],
  // A check on MySQL, and on MariaDB.
  3819: [/'(.+)'/su],
  4025: [/`((?:[^`]|``)+)`/su],
}

/** The name of the key or constraint that a statement violated; `undefined` if the message names none. */
export function constraintIn({ errno, sqlMessage }: ServerError, server: ServerKind): string | undefined {
  let name: string | undefined
  for (const form of FORMS[errno] ?? []) name ??= form.exec(sqlMessage)?.[1]
  if (name === undefined) return undefined
  switch (errno) {
    case 3819:
      return name
    case 1062:
    case 1586:
      // MySQL puts the table before the key.
      return server === 'mysql' ? name.replace(/^[^.]*\./u, '') : name
    default: {
      const [table] = TABLE.exec(sqlMessage)?.slice(1) ?? []
      // MariaDB puts the table before the name of a column's own check.
      const isColumns = errno === 4025 && table !== undefined && name.startsWith(`${table}.`)
      return (isColumns ? name.slice(table.length + 1) : name).replaceAll('``', '`')
    }
  }
}
