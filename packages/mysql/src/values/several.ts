/**
 * A column compared with several values at once. With one value the servers compare as the column's type says; with several, if
 * they are text or bytes and the column a number, as doubles, which are the same for numbers that are not, and for DATE they
 * pass over what is none. So where a value may be a number or no date, it is compared by itself.
 */
import type { Several } from '../builder/compiler.ts'

/** Whether the values have to be compared one by one. */
export function isSplit({ first, count }: Several, parameters: readonly unknown[]): boolean {
  if (count < 2) return false
  for (let index = first; index < first + count; index += 1) {
    const value = parameters[index]
    if (typeof value === 'string') {
      if (NUMBER.test(value) || isNoDate(value)) return true
    } else if (typeof value === 'number') {
      // Written with an exponent, it is a double, and so is what is beside it.
      if (String(value).includes('e')) return true
    } else if (value instanceof Uint8Array && value.length <= BIT_BYTES) return true
  }
  return false
}

/** Bytes of the longest BIT. */
const BIT_BYTES = 8

const NUMBER = /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?\s*$/i
const DATE = /^(\d{4})-(\d\d)-(\d\d)/

/** Whether it looks like a date of a day that there is not, as 2026-02-30 and 0000-00-00. */
function isNoDate(text: string): boolean {
  const [date, , month, day] = DATE.exec(text) ?? []
  if (date === undefined) return false
  const time = new Date(`${date}T00:00:00Z`)
  return (
    Number.isNaN(time.getTime()) ||
    time.getUTCMonth() + 1 !== Number(month) ||
    time.getUTCDate() !== Number(day)
  )
}
/** The comparison, value by value; `literal` gives the text of a parameter. */
export function splitText(
  { operator, start, columnEnd, first, count }: Several,
  sql: string,
  literal: (index: number) => string,
): string {
  const column = sql.slice(start, columnEnd)
  if (operator === 'between') return `(${column} >= ${literal(first)} and ${column} <= ${literal(first + 1)})`
  const [comparison, word] = operator === 'in' ? ['=', 'or'] : ['<>', 'and']
  const parts = Array.from(
    { length: count },
    (_, index) => `${column} ${comparison} ${literal(first + index)}`,
  )
  return `(${parts.join(` ${word} `)})`
}
