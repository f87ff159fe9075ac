/**
 * Tokenizer of SQL text, without comments. It takes one pass, so its time is linear in the length of any text.
 */

/**
 * One of:
 *
 * - a word, in lower case;
 * - a mark of one character, or `:=`; a parenthesis that does not directly follow a word or name is ` (`;
 * - a literal or quoted name, as written;
 * - `/*!`, the start of a comment that a server may execute.
 *
 * A run of commas, placeholders and parentheses after an opening parenthesis is one token, its last mark: lists of values
 * have thousands.
 */
export type Token = string

/** Tokens of a text as a server reads it, which depends on its version and `sql_mode`. */
export type Reading = readonly Token[]

/**
 * All readings of a text; most texts have one. Readings with an open quote are left out, since no server runs them.
 *
 * @example
 * ```ts
 * const readings = readingsOf('SELECT name FROM accounts')
 * console.log(readings) // [ [ 'select', 'name', 'from', 'accounts' ] ]
 * ```
 */
export function readingsOf(sql: string): readonly Reading[] {
  return readingsIn(readAll(sql))
}

/** Readings and hidden question marks of a text, from one pass. */
export function readSql(sql: string): {
  readonly readings: readonly Reading[]
  readonly hiddenMarks: HiddenMarks
} {
  const all = readAll(sql)
  return { readings: readingsIn(all), hiddenMarks: hiddenMarksIn(all) }
}

function readingsIn(all: readonly Read[]): readonly Reading[] {
  return completeOnes(all).map(({ tokens }) => tokens)
}

/** Offsets of question marks within quotes or comments in any reading, with and without the mode NO_BACKSLASH_ESCAPES. */
export interface HiddenMarks {
  readonly standard: readonly number[]
  readonly noBackslashEscapes: readonly number[]
}

function hiddenMarksIn(all: readonly Read[]): HiddenMarks {
  const within = (escapes: boolean): readonly number[] => {
    const reads = all.length === 1 ? all : all.filter(({ mode }) => mode.single === escapes)
    return [...new Set(completeOnes(reads).flatMap(({ hidden }) => hidden))]
  }
  return { standard: within(true), noBackslashEscapes: within(false) }
}

function readAll(sql: string): readonly Read[] {
  const first = read(sql, STANDARD)
  return first.ambiguous ? [first, ...OTHERS.map((mode) => read(sql, mode))] : [first]
}

function completeOnes(reads: readonly Read[]): readonly Read[] {
  const complete = reads.filter((read) => read.complete)
  return complete.length === 0 ? reads : complete
}

/** Lexical differences between servers and their settings. */
interface Mode {
  /** Whether a backslash is an escape character in single quotes. */
  readonly single: boolean
  /** The same in double quotes. */
  readonly double: boolean
  /** Whether the server executes comments with an exclamation mark. */
  readonly comments: boolean
}

const STANDARD: Mode = { single: true, double: true, comments: true }

/** Under ANSI_QUOTES, double quotes enclose names; NO_BACKSLASH_ESCAPES applies to both kinds of quotes. */
const OTHERS: readonly Mode[] = [
  { single: true, double: true, comments: false },
  { single: true, double: false, comments: true },
  { single: true, double: false, comments: false },
  { single: false, double: false, comments: true },
  { single: false, double: false, comments: false },
]

interface Read {
  readonly mode: Mode
  readonly tokens: Token[]
  /** Offsets of question marks within quotes or comments. */
  readonly hidden: number[]
  /** Whether all quotes are closed. */
  complete: boolean
  /** Whether another mode may read the text differently. */
  ambiguous: boolean
}

function read(sql: string, mode: Mode): Read {
  const result: Read = { mode, tokens: [], hidden: [], complete: true, ambiguous: false }
  const { tokens } = result
  let question = -1
  /** Skips quotes or a comment, and notes the question marks in it. */
  const pass = (end: number): void => {
    for (; question < end; question = questionFrom(sql, question + 1)) {
      if (question >= at) result.hidden.push(question)
    }
    at = end
  }
  let at = 0
  /** End of the last word or name. */
  let named = -1
  let inComment = false
  while (at < sql.length) {
    const code = sql.charCodeAt(at)
    if (isBlank(code)) {
      at += 1
      continue
    }
    if (isWordPart(code)) {
      named = isDigit(code) ? numberEnd(sql, at) : wordEnd(sql, at)
      tokens.push(sql.slice(at, named).toLowerCase())
      at = named
      continue
    }
    switch (code) {
      case SINGLE:
      case DOUBLE:
      case BACKTICK: {
        const escapes = code === SINGLE ? mode.single : code === DOUBLE && mode.double
        const end = quoteEnd(sql, at, escapes)
        if (end === undefined) result.complete = false
        const token = sql.slice(at, end)
        if (code !== BACKTICK && token.includes('\\')) result.ambiguous = true
        tokens.push(token)
        pass(end ?? sql.length)
        if (code !== SINGLE) named = at
        continue
      }
      case HASH:
        pass(lineEnd(sql, at))
        continue
      case MINUS:
        if (
          sql.charCodeAt(at + 1) === MINUS &&
          !(sql.charCodeAt(at + 2) > SPACE && sql.charCodeAt(at + 2) !== DELETE)
        ) {
          pass(lineEnd(sql, at))
          continue
        }
        break
      case SLASH:
        if (sql.charCodeAt(at + 1) === ASTERISK) {
          const mark = executableMark(sql, at)
          if (mark === undefined) {
            pass(commentEnd(sql, at + 2))
            continue
          }
          result.ambiguous = true
          tokens.push('/*!')
          inComment = mode.comments
          pass(inComment ? mark : skippedEnd(sql, at + 2))
          continue
        }
        break
      case ASTERISK:
        if (inComment && sql.charCodeAt(at + 1) === SLASH) {
          inComment = false
          at += 2
          continue
        }
        break
      case COLON:
        if (sql.charCodeAt(at + 1) === EQUALS) {
          tokens.push(':=')
          at += 2
          continue
        }
        break
      case OPEN:
        tokens.push(named === at ? '(' : ' (')
        at = listEnd(sql, at + 1, tokens)
        continue
      default:
    }
    tokens.push(sql.charAt(at))
    at += 1
  }
  return result
}

const SPACE = 0x20
const DOUBLE = 0x22
const HASH = 0x23
const SINGLE = 0x27
const OPEN = 0x28
const CLOSE = 0x29
const ASTERISK = 0x2a
const COMMA = 0x2c
const MINUS = 0x2d
const SLASH = 0x2f
const COLON = 0x3a
const EQUALS = 0x3d
const QUESTION = 0x3f
const BACKSLASH = 0x5c
const BACKTICK = 0x60
const DELETE = 0x7f

function isBlank(code: number): boolean {
  return code === SPACE || (code >= 0x09 && code <= 0x0d)
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

/** Whether a token is a word, or a name in backticks or double quotes. */
export function isName(token: Token): boolean {
  const code = token.charCodeAt(0)
  return isWordPart(code) || code === BACKTICK || code === DOUBLE
}

/** Letters, digits, `_`, `$`, and all characters beyond ASCII. */
function isWordPart(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) ||
    (code >= 0x41 && code <= 0x5a) ||
    isDigit(code) ||
    code === 0x5f ||
    code === 0x24 ||
    code > DELETE
  )
}

function wordEnd(sql: string, from: number): number {
  let at = from + 1
  while (isWordPart(sql.charCodeAt(at))) at += 1
  return at
}

/** End of the digits: in `1.5for update`, a word follows without a blank. */
function numberEnd(sql: string, from: number): number {
  let at = digitsEnd(sql, from)
  if ((sql.charCodeAt(at) | SPACE) === 0x65 && isDigit(sql.charCodeAt(at + 1))) at = digitsEnd(sql, at + 1)
  return at
}

function digitsEnd(sql: string, from: number): number {
  let at = from
  while (isDigit(sql.charCodeAt(at))) at += 1
  return at
}

/** Offset after the closing quote; `undefined` without one. A doubled quote is part of the text. */
function quoteEnd(sql: string, from: number, escapes: boolean): number | undefined {
  const quote = sql.charCodeAt(from)
  for (let at = from + 1; at < sql.length; at += 1) {
    const code = sql.charCodeAt(at)
    if (escapes && code === BACKSLASH) at += 1
    else if (code === quote) {
      if (sql.charCodeAt(at + 1) !== quote) return at + 1
      at += 1
    }
  }
  return undefined
}

/** Offset after commas, placeholders, parentheses and spaces. Adds their last mark to `tokens`. */
function listEnd(sql: string, from: number, tokens: Token[]): number {
  let at = from
  let last = 0
  for (; ; at += 1) {
    const code = sql.charCodeAt(at)
    if (code === QUESTION || code === COMMA || code === OPEN || code === CLOSE) last = code
    else if (code !== SPACE) break
  }
  if (last !== 0) tokens.push(last === OPEN ? ' (' : String.fromCharCode(last))
  return at
}

/** Offset of the next question mark; `Infinity` without one. */
function questionFrom(sql: string, from: number): number {
  const at = sql.indexOf('?', from)
  return at === -1 ? Infinity : at
}

function lineEnd(sql: string, from: number): number {
  const end = sql.indexOf('\n', from)
  return end === -1 ? sql.length : end + 1
}

function commentEnd(sql: string, from: number): number {
  const end = sql.indexOf('*/', from)
  return end === -1 ? sql.length : end + 2
}

/** End of an executable comment that the server skips, which may contain comments. */
function skippedEnd(sql: string, from: number): number {
  for (let at = from; ;) {
    const end = commentEnd(sql, at)
    const inner = sql.indexOf('/*', at)
    if (inner === -1 || inner >= end) return end
    at = commentEnd(sql, inner + 2)
  }
}

/** Offset after mark and version of an executable comment: `/*!`, `/*!50000`, MariaDB's `/*M!`; `undefined` for others. */
function executableMark(sql: string, from: number): number | undefined {
  let at = from + 2
  if (sql.charAt(at) === 'M') at += 1
  return sql.charAt(at) === '!' ? digitsEnd(sql, at + 1) : undefined
}
