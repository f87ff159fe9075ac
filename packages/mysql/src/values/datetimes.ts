/** DATETIME and TIMESTAMP values, parsed and formatted in UTC, independent of the time zone of the process. */

/**
 * Type of DATETIME and TIMESTAMP columns. `date`: a `Date` in UTC; a value that a `Date` cannot hold is a `ResultError`
 * (microseconds, a zero date, 30 February). `string`: the text of the server. DATE columns are always strings.
 */
export type Datetimes = 'date' | 'string'

/** `Date.UTC` maps the years 0 to 99 to 1900 to 1999. Computing a calendar cycle of 400 years later avoids that. */
const CYCLE_YEARS = 400
const CYCLE_MS = Date.UTC(2400) - Date.UTC(2000)

/** Offset of the milliseconds in the text. */
const MILLISECONDS_AT = 20
/** Offset of the digits beyond milliseconds. */
const MICROSECONDS_AT = 23

/** Parses `YYYY-MM-DD hh:mm:ss[.ffffff]`. Calls `refuse` for a value that a `Date` cannot hold. */
export function readDatetime(
  text: string,
  refuse: (expected: string, actual: string, shown: string) => never,
): Date {
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2)
  const month = twoDigits(text, 5)
  const day = twoDigits(text, 8)
  const millisecond = twoDigits(text, MILLISECONDS_AT) * 10 + digit(text, MILLISECONDS_AT + 2)
  const time = Date.UTC(
    year + CYCLE_YEARS,
    month - 1,
    day,
    twoDigits(text, 11),
    twoDigits(text, 14),
    twoDigits(text, 17),
    millisecond,
  )
  const date = new Date(time - CYCLE_MS)
  const exists = month > 0 && day > 0 && (day <= 28 || date.getUTCDate() === day)
  if (exists && (text.length <= MICROSECONDS_AT || !/[1-9]/.test(text.slice(MICROSECONDS_AT)))) return date
  const why = "which a Date can't hold: set the driver's option datetimes to 'string'"
  return refuse('a Date', `${text}, ${why}`, `a value, ${why}`)
}

/** Formats a date of the years 0 to 9999 as `YYYY-MM-DD hh:mm:ss.fff`. */
export function datetimeText(date: Date): string {
  return date.toISOString().slice(0, -1).replace('T', ' ')
}

function twoDigits(text: string, at: number): number {
  return digit(text, at) * 10 + digit(text, at + 1)
}

/** Zero beyond the end of the text, since fractions vary in length. */
function digit(text: string, at: number): number {
  return at < text.length ? text.charCodeAt(at) - ZERO : 0
}

const ZERO = '0'.charCodeAt(0)
