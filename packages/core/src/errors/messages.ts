/** Texts of error messages. They have a bounded length and hold no values, because messages end up in logs. */

/** Longer facts belong into properties of the error. */
const MAX_MESSAGE_CHARS = 500

/** Length of the part of a server message that an error message quotes. */
const MAX_SERVER_MESSAGE_CHARS = 300

/**
 * Cuts a quoted text, such as SQL or a label, to at most `length` characters, with an ellipsis for the rest.
 *
 * @example
 * ```ts
 * console.log(abridged('select * from accounts', 9)) // select *…
 * ```
 */
export function abridged(text: string, length = 80): string {
  return text.length <= length ? text : `${text.slice(0, length - 1).toWellFormed()}…`
}

/** Cuts a whole message to its maximum length. */
export function bounded(message: string): string {
  return abridged(message, MAX_MESSAGE_CHARS)
}

interface ServerWords {
  readonly kind: string
  readonly errno: number
  readonly sqlState: string
  readonly serverMessage: string
}

/** The server's message without the values that it quotes. The server's language is unknown, so no words are matched. */
export function withoutValues({ kind, errno, sqlState, serverMessage }: ServerWords): string {
  if (sqlState === SIGNALLED || SIGNAL_ERRORS.has(errno)) {
    return 'a stored program signalled a condition, see serverMessage'
  }
  if (NAMING_KINDS.has(kind) || NAMING_ERRORS.has(errno))
    return abridged(serverMessage, MAX_SERVER_MESSAGE_CHARS)
  const key = kind === 'duplicate-key' ? DUPLICATE.exec(serverMessage)?.[1] : undefined
  if (key !== undefined) return `Duplicate entry '…' for key '${abridged(key)}'`
  const plain = withoutQuotes(serverMessage)
  // Some messages have a number that is a value, without quotes.
  return abridged(kind === 'other' ? plain.replaceAll(/\d+/g, '…') : plain, MAX_SERVER_MESSAGE_CHARS)
}

/** SQLSTATE of conditions that a stored program raises, with a message of its own. */
const SIGNALLED = '45000'

/** Errors of a SIGNAL with any other SQLSTATE: unhandled warning, not found, exception. */
const SIGNAL_ERRORS: ReadonlySet<number> = new Set([1642, 1643, 1644])

/** Kinds whose messages name columns, tables, constraints or accounts, and quote no values. */
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

/** Further errors without values: out of range, truncated, too long for the column. */
const NAMING_ERRORS: ReadonlySet<number> = new Set([1264, 1265, 1406])

/** The key comes last; the value in front of it may hold anything, quotes too. */
const DUPLICATE = /^Duplicate entry '[^]*' for key '([^']*)'$/

/** Drops the text from the first quote to the last, because a value may hold quotes. An apostrophe in a word is no quote. */
function withoutQuotes(message: string): string {
  const from = message.search(/["`]|(?<!\p{Script=Latin})'|'(?!\p{Script=Latin})/u)
  if (from === -1) return message
  const to = Math.max(...QUOTES.map((quote) => message.lastIndexOf(quote)))
  return `${message.slice(0, from)}'…'${to === from ? '' : message.slice(to + 1)}`
}

const QUOTES = ["'", '"', '`'] as const
