/**
 * Comparisons of a column with several values. With one value, the servers convert it to the column's type. With several
 * text or binary values and a numeric column, they compare doubles, so that different large numbers are equal. For DATE, they
 * ignore invalid dates. Values that may be a number or an invalid date are therefore compared one by one.
 */
import type { MultiValueComparison } from '../builder/compiler.ts'

/** Whether the values must be compared one by one. */
export function mustSplit({ first, count }: MultiValueComparison, parameters: readonly unknown[]): boolean {
  if (count < 2) return false
  for (let index = first; index < first + count; index += 1) {
    const value = parameters[index]
    if (typeof value === 'string') {
      if (NUMBER.test(value) || isInvalidDate(value)) return true
    } else if (typeof value === 'number') {
      // A literal with an exponent is a double, and turns the whole list into doubles.
      if (String(value).includes('e')) return true
    } else if (value instanceof Uint8Array && value.length <= MAX_BIT_BYTES) return true
  }
  return false
}

/** Bytes of a BIT(64). */
const MAX_BIT_BYTES = 8

const NUMBER = /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?\s*$/i
const DATE = /^(\d{4})-(\d\d)-(\d\d)/

/** Whether text has the form of a date but is no day of the calendar, such as 2026-02-30 and 0000-00-00. */
function isInvalidDate(text: string): boolean {
  const [date, , month, day] = DATE.exec(text) ?? []
  if (date === undefined) return false
  const time = new Date(`${date}T00:00:00Z`)
  return (
    Number.isNaN(time.getTime()) ||
    time.getUTCMonth() + 1 !== Number(month) ||
    time.getUTCDate() !== Number(day)
  )
}

/** SQL that compares value by value; `literal` gives the text of a parameter. */
export function splitText(
  { operator, start, columnEnd, first, count }: MultiValueComparison,
  sql: string,
  literal: (index: number) => string,
): string {
  const column = sql.slice(start, columnEnd)
  if (operator === 'between') return `(${column} >= ${literal(first)} and ${column} <= ${literal(first + 1)})`
  const [equality, conjunction] = operator === 'in' ? ['=', 'or'] : ['<>', 'and']
  const parts = Array.from({ length: count }, (_, index) => `${column} ${equality} ${literal(first + index)}`)
  return `(${parts.join(` ${conjunction} `)})`
}
