/** Binds values into the text of a statement. */
import { abridged, type Statement, UsageError } from '@leasehold/core'
import { escape } from 'sql-escaper'
import { isPlaced, type MultiValueComparison } from '../builder/compiler.ts'
import type { ServerKind } from '../protocol/server-kind.ts'
import { datetimeText } from './datetimes.ts'
import { mustSplit, splitText } from './multi-value-comparison.ts'

/** Settings of session and server that determine literals. */
export interface EscapeMode {
  /** Whether the session's `sql_mode` has NO_BACKSLASH_ESCAPES, which changes strings. */
  readonly noBackslashEscapes: boolean
  /** Changes bytes, see {@link bytesText}. */
  readonly server: ServerKind
}

interface Labelled {
  readonly statement: Statement
  readonly label: string | undefined
}

/**
 * Checks that each parameter is one SQL value, and that each placeholder is outside of quotes and comments: a list or an
 * object would change the statement.
 *
 * @throws {UsageError} when a value or a placeholder fails the check.
 */
export function assertBindable({ statement, label }: Labelled, mode: EscapeMode): void {
  const { parameters, sql } = statement
  assertNotHidden(statement, label, mode)
  for (const [index, value] of parameters.entries()) {
    const problem = problemOf(value)
    if (problem !== undefined)
      throw new UsageError(`${abridged(label ?? sql)}: parameter ${index + 1} is ${problem}`)
  }
}

/** Bound within quotes or a comment, the quotes of a literal would end them, and its text would become SQL. */
function assertNotHidden(
  { compiled, hiddenMarks, sql }: Statement,
  label: string | undefined,
  { noBackslashEscapes }: EscapeMode,
): void {
  const hidden = noBackslashEscapes ? hiddenMarks.noBackslashEscapes : hiddenMarks.standard
  if (hidden.length === 0 || !isPlaced(compiled)) return
  const index = compiled.placeholders.findIndex((place) => hidden.includes(place))
  if (index === -1) return
  throw new UsageError(
    `${abridged(label ?? sql)}: the placeholder of parameter ${index + 1} is within quotes or a comment, where no value can ` +
      "stand: move it out, as in concat('%', ${value}, '%')",
  )
}

/**
 * The statement's text with its values, escaped, in place of the placeholders. Expects values that
 * {@link assertBindable} accepts.
 *
 * @throws {UsageError} when the statement was not compiled by a Kysely of `mysqlBuilder`.
 */
export function bind({ compiled, parameters, sql }: Statement, mode: EscapeMode): string {
  if (!isPlaced(compiled))
    throw new UsageError(`${abridged(sql)} was not built with a Kysely of mysqlBuilder()`)
  const { placeholders, operands, stored } = compiled
  const literal = (index: number): string => {
    const value = parameters[index]
    if (value instanceof Uint8Array) return bytesText(value, mode.server, stored.has(index))
    if (typeof value === 'number' || (operands.has(index) && isDecimal(value))) return String(value)
    if (value instanceof Date) return `'${datetimeText(value)}'`
    return escape(value as Scalar, true, 'Z', mode)
  }
  const split = compiled.comparisons.filter((comparison) => mustSplit(comparison, parameters))
  let text = ''
  let from = 0
  for (let index = 0, place = placeholders[0]; place !== undefined; place = placeholders[index]) {
    if (split[0]?.first === index) {
      const [comparison] = split.splice(0, 1) as [MultiValueComparison]
      text += sql.slice(from, comparison.start) + splitText(comparison, sql, literal)
      from = comparison.end
      index += comparison.count
      continue
    }
    text += sql.slice(from, place)
    if (runsOn(sql, place, from, index)) {
      throw new UsageError(
        `${abridged(sql)}: the placeholder of parameter ${index + 1} is next to a string or another placeholder, and the ` +
          'server would make one string of both: put an operator, a comma or `as` between them',
      )
    }
    if (adjoins(sql, place - 1)) text += ' '
    text += literal(index)
    from = place + 1
    if (adjoins(sql, from)) text += ' '
    index += 1
  }
  return text + sql.slice(from)
}

/**
 * Literal of bytes. Compared with a number or a BIT, bytes are a number; on MariaDB, only the literal 0x05 is, not X'05'
 * (Knowledge Base, "Hexadecimal Literals"). Next to bytes and text, both literals are equal. Stored bytes use X''.
 */
function bytesText(bytes: Uint8Array, server: ServerKind, isStored: boolean): string {
  const digits = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
  return server === 'mysql' || isStored || digits === '' ? `X'${digits}'` : `0x${digits}`
}

/** Whether a value is decimal text that the servers compute with exactly. In quotes, they would read a double. */
export function isDecimal(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length <= MAX_DECIMAL_DIGITS + 2 &&
    DECIMAL.test(value) &&
    digitsOf(value) <= MAX_DECIMAL_DIGITS
  )
}

const MAX_DECIMAL_DIGITS = 65
const DECIMAL = /^-?\d+(?:\.\d+)?$/

function digitsOf(decimal: string): number {
  return decimal.length - (decimal.startsWith('-') ? 1 : 0) - (decimal.includes('.') ? 1 : 0)
}

/** Whether only blanks separate a placeholder from a string or from the placeholder before it: the server would join them. */
function runsOn(sql: string, place: number, from: number, index: number): boolean {
  let before = place - 1
  while (before >= from && isBlank(sql[before])) before -= 1
  if (before < from) return index > 0
  let behind = place + 1
  while (isBlank(sql[behind])) behind += 1
  return isQuote(sql[before]) || isQuote(sql[behind])
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\n' || character === '\t' || character === '\r'
}

function isQuote(character: string | undefined): boolean {
  return character === "'" || character === '"'
}

/** Whether a literal needs a blank here: adjacent quotes merge ('a''b'), and a letter changes the type (x'61'). */
function adjoins(sql: string, at: number): boolean {
  switch (sql[at]) {
    case undefined:
    case ' ':
    case ',':
    case '(':
    case ')':
      return false
    default:
      return /[\w'"$.@`\u0080-\uffff]/.test(sql.charAt(at))
  }
}

type Scalar = string | bigint | boolean | null

function problemOf(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed()
        ? undefined
        : 'a string with half a surrogate pair, which UTF-8 cannot encode'
    case 'bigint':
      return value < DECIMAL_END && value > -DECIMAL_END ? undefined : 'a bigint of more than 65 digits'
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : `${value}, which SQL cannot represent`
    case 'undefined':
      return 'undefined: pass null for NULL'
    case 'object':
      if (value === null || value instanceof Uint8Array) return undefined
      if (value instanceof Date) return problemOfDate(value)
      if (Array.isArray(value))
        return 'an array where one value belongs: use `in` with a list, or JSON.stringify it'
      return `an object (${value.constructor?.name ?? 'null prototype'}) where one value belongs: JSON.stringify it for a JSON column`
    default:
      return `a ${typeof value}`
  }
}

/** The servers replace a longer decimal by the largest DECIMAL. */
const DECIMAL_END = 10n ** 65n

/** Bounds of a DATETIME, whose years have four digits. */
const FIRST_DATE = Date.parse('0000-01-01T00:00:00Z')
const LAST_DATE = Date.parse('9999-12-31T23:59:59.999Z')

function problemOfDate(date: Date): string | undefined {
  const time = date.getTime()
  if (Number.isNaN(time)) return 'an invalid Date'
  return time < FIRST_DATE || time > LAST_DATE ? 'a Date outside of the years 0 to 9999' : undefined
}
