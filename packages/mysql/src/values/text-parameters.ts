/** Values on their way into the text of a statement. */
import { abridged, type Statement, UsageError } from '@leasehold/core'
import { escape } from 'sql-escaper'
import { isPlaced, type Several } from '../builder/compiler.ts'
import type { ServerKind } from '../protocol/server-kind.ts'
import { isSplit, splitText } from './several.ts'

/** What decides how a value must be written. */
export interface EscapeMode {
  /** The server's SQL mode, for strings. */
  readonly noBackslashEscapes: boolean
  /** For bytes: see {@link bytesText}. */
  readonly server: ServerKind
}

interface Labelled {
  readonly statement: Statement
  readonly label: string | undefined
}

/**
 * Throws a `UsageError` for a value that is not one SQL value: a list or an object would change the statement; and for a
 * placeholder where no value can stand.
 */
export function assertBindable({ statement, label }: Labelled, mode: EscapeMode): void {
  const { parameters, sql } = statement
  assertPlaced(statement, label, mode)
  for (const [index, value] of parameters.entries()) {
    const problem = problemOf(value)
    if (problem !== undefined)
      throw new UsageError(`${abridged(label ?? sql)}: parameter ${index + 1} is ${problem}`)
  }
}

/** A value that is put into quotes or a comment would end them with quotes of its own, and go on as SQL. */
function assertPlaced(
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
      "stand: put text around it with concat('%', ${value}, '%')",
  )
}

/** The statement's text with its values, which must be bindable, escaped in their places. */
export function bind({ compiled, parameters, sql }: Statement, mode: EscapeMode): string {
  if (!isPlaced(compiled))
    throw new UsageError(`${abridged(sql)} was not built with a Kysely of mysqlBuilder()`)
  const { placeholders, operands, stored } = compiled
  const literal = (index: number): string => {
    const value = parameters[index]
    if (value instanceof Uint8Array) return bytesText(value, mode.server, stored.has(index))
    if (typeof value === 'number' || (operands.has(index) && isDecimal(value))) return String(value)
    return escape(value as Scalar, true, 'Z', mode)
  }
  const split = compiled.severals.filter((several) => isSplit(several, parameters))
  let text = ''
  let from = 0
  for (let index = 0, place = placeholders[0]; place !== undefined; place = placeholders[index]) {
    if (split[0]?.first === index) {
      const [several] = split.splice(0, 1) as [Several]
      text += sql.slice(from, several.start) + splitText(several, sql, literal)
      from = several.end
      index += several.count
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
 * Bytes: what is stored, as they are. Compared with a number, or with a BIT, they are one; of MariaDB's two literals 0x05 alone
 * says so, which does no harm beside bytes and text (Knowledge Base, "Hexadecimal Literals").
 */
function bytesText(bytes: Uint8Array, server: ServerKind, isStored: boolean): string {
  const digits = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
  return server === 'mysql' || isStored || digits === '' ? `X'${digits}'` : `0x${digits}`
}

/** Text that is a number of as many digits as the servers reckon with exactly; within quotes it would be a double. */
export function isDecimal(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length <= DIGITS + 2 &&
    DECIMAL.test(value) &&
    digitsOf(value) <= DIGITS
  )
}

const DIGITS = 65
const DECIMAL = /^-?\d+(?:\.\d+)?$/

function digitsOf(decimal: string): number {
  return decimal.length - (decimal.startsWith('-') ? 1 : 0) - (decimal.includes('.') ? 1 : 0)
}

/** Whether nothing is between a placeholder and a string, or the placeholder before it, so that the server would join them. */
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

/** What a literal must not touch: quotes run together ('a''b' is one string), and letters may change its type (x'61'). */
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

type Scalar = string | bigint | boolean | null | Date

function problemOf(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return value.isWellFormed()
        ? undefined
        : 'a string with half a surrogate pair, which UTF-8 has no bytes for'
    case 'bigint':
      return value < DECIMAL_END && value > -DECIMAL_END ? undefined : 'a bigint of more than 65 digits'
    case 'boolean':
      return undefined
    case 'number':
      return Number.isFinite(value) ? undefined : `${value}, which SQL has no value for`
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

/** What is longer than the longest DECIMAL becomes its largest value on the server. */
const DECIMAL_END = 10n ** 65n

/** The years that the servers write with four digits. */
const FIRST_DATE = Date.parse('0000-01-01T00:00:00Z')
const LAST_DATE = Date.parse('9999-12-31T23:59:59.999Z')

function problemOfDate(date: Date): string | undefined {
  const time = date.getTime()
  if (Number.isNaN(time)) return 'an invalid Date'
  return time < FIRST_DATE || time > LAST_DATE ? 'a Date outside of the years 0 to 9999' : undefined
}
