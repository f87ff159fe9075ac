import { expect, test } from 'vitest'
import { OptionsError, parseOptions } from '../options.ts'

test('has a default for everything', () => {
  expect(parseOptions([])).toEqual({
    url: undefined,
    clients: 8,
    seconds: 15,
    warehouses: 1,
    rttMs: 0,
    reportFile: undefined,
    ordersFile: undefined,
  })
})

test('takes what is given', () => {
  const line =
    '--url mysql://me:secret@db:3306 --clients 4 --seconds 2.5 --warehouses=3 --rtt 1 --report r --orders o'

  expect(parseOptions(line.split(' '))).toEqual({
    url: 'mysql://me:secret@db:3306',
    clients: 4,
    seconds: 2.5,
    warehouses: 3,
    rttMs: 1,
    reportFile: 'r',
    ordersFile: 'o',
  })
})

test('places orders without the two runs, unless they are asked for', () => {
  expect(parseOptions(['--orders', 'file'])).toMatchObject({ seconds: 0 })
  expect(parseOptions(['--orders', 'file', '--seconds', '2'])).toMatchObject({ seconds: 2 })
})

test.each([['--help'], ['-h']])('%s asks for help', (option) => {
  expect(parseOptions([option])).toBe('help')
})

test.each([
  ['--clients 0', '--clients: expected a whole number from 1 to 200, got "0"'],
  ['--clients 1.5', '--clients: expected a whole number from 1 to 200, got "1.5"'],
  ['--clients many', '--clients: expected a whole number from 1 to 200, got "many"'],
  ['--clients=-1', '--clients: expected a whole number from 1 to 200, got "-1"'],
  ['--clients=', '--clients: expected a whole number from 1 to 200, got ""'],
  ['--seconds 0', '--seconds: expected a number above 0, at most 86400, got "0"'],
  ['--warehouses 101', '--warehouses: expected a whole number from 1 to 100, got "101"'],
  ['--rtt 1e3', '--rtt: expected milliseconds from 0 to 1000, got "1e3"'],
  ['--url localhost', '--url: expected mysql://user:password@host:port'],
  ['--url postgres://me:secret@db', '--url: expected mysql://user:password@host:port'],
  ['--colour', "Unknown option '--colour'; --help shows the options"],
  ['--clients', "Option '--clients <value>' argument missing; --help shows the options"],
  ['fast', "Unexpected argument 'fast'; --help shows the options"],
])('%s: %s', (line, message) => {
  expect(() => parseOptions(line.split(' '))).toThrow(new OptionsError(message))
})
