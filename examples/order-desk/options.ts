import { parseArgs } from 'node:util'

export interface Options {
  readonly url: string | undefined
  readonly clients: number
  /** Of each of the two runs; 0 for none. */
  readonly seconds: number
  readonly warehouses: number
  readonly rttMs: number
  readonly reportFile: string | undefined
  readonly ordersFile: string | undefined
}

/** The message is for the person at the keyboard. */
export class OptionsError extends Error {
  override readonly name = 'OptionsError'
}

const DEFAULT_SECONDS = 15

export const HELP = `An order desk in the shape of TPC-C, run in few round trips and statement by statement.

Usage: npm run demo -- [options]

  --url URL         use the server at mysql://user:password@host:port instead of starting one;
                    the desk gets a database of its own there, dropped at the end
  --clients N       clients at work at a time (8)
  --seconds N       how long each of the two runs takes (${DEFAULT_SECONDS})
  --warehouses N    how many warehouses to load (1)
  --rtt MS          put the server this many milliseconds of round trip away (0)
  --report FILE     write the figures to a file, as JSON
  --orders FILE     place your own orders, one JSON object a line, for example
                    {"district":1,"customer":42,"items":[{"id":7,"quantity":2}]}
                    and measure nothing, unless --seconds asks for it
  --help            show this text`

/** What the command line asks for; throws an {@link OptionsError} that names what is wrong with it. */
export function parseOptions(args: readonly string[]): Options | 'help' {
  const values = split(args)
  if (values.help === true) return 'help'
  return {
    url: values.url === undefined ? undefined : serverUrl(values.url),
    clients: wholeNumber('clients', values.clients, { from: 1, to: 200 }) ?? 8,
    seconds: seconds(values.seconds) ?? (values.orders === undefined ? DEFAULT_SECONDS : 0),
    warehouses: wholeNumber('warehouses', values.warehouses, { from: 1, to: 100 }) ?? 1,
    rttMs: rtt(values.rtt),
    reportFile: values.report,
    ordersFile: values.orders,
  }
}

const string = { type: 'string' } as const

function split(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        url: string,
        clients: string,
        seconds: string,
        warehouses: string,
        rtt: string,
        report: string,
        orders: string,
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    // Its first sentence says what is wrong, the others are about positional arguments.
    const [complaint] = String(error instanceof Error ? error.message : error).split(/\.\s/)
    throw new OptionsError(`${complaint}; --help shows the options`)
  }
}

function serverUrl(text: string): string {
  const protocol = URL.canParse(text) ? new URL(text).protocol : undefined
  if (protocol === 'mysql:' || protocol === 'mariadb:') return text
  // The text may hold a password, so it is not repeated.
  throw new OptionsError('--url: expected mysql://user:password@host:port')
}

function wholeNumber(name: string, text: string | undefined, range: { from: number; to: number }) {
  if (text === undefined) return undefined
  const { from, to } = range
  const number = toNumber(text)
  if (Number.isInteger(number) && number >= from && number <= to) return number
  throw new OptionsError(`--${name}: expected a whole number from ${from} to ${to}, got "${text}"`)
}

function seconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const number = toNumber(text)
  if (number > 0 && number <= 86_400) return number
  throw new OptionsError(`--seconds: expected a number above 0, at most 86400, got "${text}"`)
}

function rtt(text = '0'): number {
  const number = toNumber(text)
  if (number >= 0 && number <= 1000) return number
  throw new OptionsError(`--rtt: expected milliseconds from 0 to 1000, got "${text}"`)
}

/** Only what a person would call a number: not "", "0x10" or "1e3", which Number takes as well. */
function toNumber(text: string): number {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
}
