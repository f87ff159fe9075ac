/** DATETIME and TIMESTAMP as dates, by their text and in UTC: the time zone of the process has no part in it. */

/**
 * How DATETIME and TIMESTAMP columns arrive. `date`: as a `Date` in UTC, and a value that a `Date` can't hold is a
 * `ResultError`: a fraction finer than a millisecond, a zero date, a day that the month hasn't. `string`: all of
 * them as the server writes them. DATE columns are strings in any case.
 */
export type Datetimes = 'date' | 'string'

/** The calendar repeats itself after 400 years; `Date.UTC` takes the years from 0 to 99 for those of 1900. */
const CYCLE_YEARS = 400
const CYCLE = Date.UTC(2400) - Date.UTC(2000)

/** Where the fraction of a second begins in the text, and where what is finer than a millisecond. */
const FRACTION = 20
const FINER = 23

/** The date of `YYYY-MM-DD hh:mm:ss[.ffffff]`. */
export function readDatetime(
  text: string,
  refuse: (expected: string, actual: string, shown: string) => never,
): Date {
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2)
  const month = twoDigits(text, 5)
  const day = twoDigits(text, 8)
  const millisecond = twoDigits(text, FRACTION) * 10 + digit(text, FRACTION + 2)
  const time = Date.UTC(
    year + CYCLE_YEARS,
    month - 1,
    day,
    twoDigits(text, 11),
    twoDigits(text, 14),
    twoDigits(text, 17),
    millisecond,
  )
  const date = new Date(time - CYCLE)
  const exists = month > 0 && day > 0 && (day <= 28 || date.getUTCDate() === day)
  if (exists && (text.length <= FINER || !/[1-9]/.test(text.slice(FINER)))) return date
  const why = "which a Date can't hold: set the driver's option datetimes to 'string'"
  return refuse('a Date', `${text}, ${why}`, `a value, ${why}`)
}

/** `YYYY-MM-DD hh:mm:ss.fff`, of a date in the years from 0 to 9999. */
export function datetimeText(date: Date): string {
  return date.toISOString().slice(0, -1).replace('T', ' ')
}

function twoDigits(text: string, at: number): number {
  return digit(text, at) * 10 + digit(text, at + 1)
}

/** Zero where the text is shorter, as fractions are. */
function digit(text: string, at: number): number {
  return at < text.length ? text.charCodeAt(at) - ZERO : 0
}

const ZERO = '0'.charCodeAt(0)
