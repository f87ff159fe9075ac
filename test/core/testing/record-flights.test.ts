import { all, program } from '@leasehold/core'
import { atMostFlights, flightsText, recordFlights } from '@leasehold/core/testing'
import { expect, test } from 'vitest'
import { failureOf, read, record, write } from '../support/unit.ts'

const unit = program(function* () {
  yield* all([read('a'), read('b')])
  return yield* write('c')
})

test('recordFlights gives the value and the flights of the work, and of nothing beside it', async () => {
  const { uow } = record()
  const [{ value, flights }] = await Promise.all([
    recordFlights(() => uow.run(unit)),
    uow.run(write('beside')),
    recordFlights(() => uow.run(write('another'))),
  ])
  expect(value).toBe(1)
  expect(flights.map((flight) => flight.map(({ type, label }) => label ?? type))).toEqual([
    ['a', 'b'],
    ['c'],
    ['commit'],
  ])
})

test('recordFlights records all units of the work, of a body too', async () => {
  const { uow } = record()
  const { flights } = await recordFlights(async () => {
    await uow.run(async (q) => {
      await q(read('a'))
      await q(write('b'))
    })
    await uow.read(read('a'))
  })
  expect(flights).toHaveLength(4)
})

test('recordFlights rejects as the work does, and stops listening', async () => {
  const { uow } = record()
  const error = new Error('mine')
  expect(await failureOf(recordFlights(() => Promise.reject(error)))).toBe(error)
  expect((await recordFlights(() => uow.run(write('a')))).flights).toHaveLength(1)
})

test('flightsText prints flights without values', async () => {
  const { flights } = await recordFlights(() =>
    record().uow.read(
      program(function* () {
        yield* read('a')
        yield* all([read('b').named('outer'), read('c')])
      }),
    ),
  )
  expect(flightsText(flights)).toBe(
    [
      'flight 1',
      '  begin',
      '  a: select * from `accounts`',
      'flight 2',
      '  b: select * from `accounts`',
      '  c: select * from `accounts`',
    ].join('\n'),
  )
})

test('atMostFlights gives the result, or tells which flights there were', async () => {
  const { uow } = record()
  expect(await atMostFlights(3, () => uow.run(unit))).toBe(1)
  const error = await failureOf(atMostFlights(2, () => uow.run(unit)))
  expect((error as Error).message).toBe(
    [
      'expected at most 2 flights, got 3:',
      'flight 1',
      '  a: select * from `accounts`',
      '  b: select * from `accounts`',
      'flight 2',
      '  c: update `accounts` set `cents` = ?',
      'flight 3',
      '  commit',
    ].join('\n'),
  )
})
