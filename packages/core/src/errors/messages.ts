/** What the messages of errors say: never more than a screen holds, and no values, since messages end up in logs. */

/** Characters of a message. What has more of them to tell has properties for it. */
const LONGEST = 500

/**
 * A text that is quoted in a message, as SQL or a label are.
 *
 * @example
 * ```ts
 * console.log(abridged('select * from accounts', 9)) // select *…
 * ```
 */
export function abridged(text: string, length = 80): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`
}

/** The whole of a message. */
export function bounded(message: string): string {
  return abridged(message, LONGEST)
}

interface ServerWords {
  readonly kind: string
  readonly errno: number
  readonly sqlState: string
  readonly serverMessage: string
}

/** What the server said, but for values. Which language it said it in is not known. */
export function withoutValues({ kind, errno, sqlState, serverMessage }: ServerWords): string {
  if (sqlState === SIGNALLED || SIGNAL_ERRORS.has(errno)) {
    return 'a condition was signalled, as serverMessage tells'
  }
  if (NAMING_KINDS.has(kind) || NAMING_ERRORS.has(errno)) return abridged(serverMessage, 300)
  const key = kind === 'duplicate-key' ? DUPLICATE.exec(serverMessage)?.[1] : undefined
  if (key !== undefined) return `Duplicate entry '…' for key '${abridged(key)}'`
  const plain = withoutQuotes(serverMessage)
  // Some quote a number without quotes.
  return abridged(kind === 'other' ? plain.replaceAll(/\d+/g, '…') : plain, 300)
}

/** The SQLSTATE of conditions that a stored program makes up, and words as it likes. */
const SIGNALLED = '45000'

/** Warnings, conditions not found and exceptions that a stored program signals with a state of its own. */
const SIGNAL_ERRORS: ReadonlySet<number> = new Set([1642, 1643, 1644])

/** Kinds of errors whose messages name columns, tables, constraints, accounts, but no values. */
const NAMING_KINDS: ReadonlySet<string> = new Set([
  'access',
  'check',
  'conflict',
  'deadlock',
  'foreign-key',
  'killed',
  'lock-timeout',
  'not-null',
  'read-only',
  'statement-timeout',
  'unknown-name',
])

/** Others: a value out of range, truncated, too long for its column. */
const NAMING_ERRORS: ReadonlySet<number> = new Set([1264, 1265, 1406])

/** The key is named last, whatever the value before it is. */
const DUPLICATE = /^Duplicate entry '[^]*' for key '([^']*)'$/

/** A value may have quotes in it: all from the first quote to the last is left out. One in a word, as in "Can't", is none. */
function withoutQuotes(message: string): string {
  const from = message.search(/["`]|(?<!\p{Script=Latin})'|'(?!\p{Script=Latin})/u)
  if (from === -1) return message
  const to = Math.max(...QUOTES.map((quote) => message.lastIndexOf(quote)))
  return `${message.slice(0, from)}'…'${to === from ? '' : message.slice(to + 1)}`
}

const QUOTES = ["'", '"', '`'] as const
