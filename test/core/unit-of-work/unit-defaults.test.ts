/** Options that a unit of work gives to its units: defaults, and derived units of work. */
import { DeadlineError, type LeaseholdError, type UnitDefaults, UsageError } from '@leasehold/core'
import { refusal } from '@leasehold/core/testing'
import { tracingChannel } from 'node:diagnostics_channel'
import { describe, expect, test } from 'vitest'
import { failureOf, read, record, write } from '../support/unit.ts'

/** The options of BEGIN of the unit. */
function beginOf({ flights }: ReturnType<typeof record>['driver']): unknown {
  const begin = flights.flat().find(({ type }) => type === 'begin')
  return begin?.type === 'begin' ? begin.options : undefined
}

describe('the defaults of createUnitOfWork', () => {
  test('hold for every unit', async () => {
    const { uow, driver } = record({}, { defaults: { isolationLevel: 'serializable', label: 'ours' } })
    await uow.run(write('a'))
    expect(beginOf(driver)).toEqual({ isolationLevel: 'serializable' })
    await uow.read(read('b'))
    expect(driver.flights.flat().filter(({ type }) => type === 'begin')).toHaveLength(2)
  })

  test('give way to the options of with, and these to those of the unit', async () => {
    const defaults = { isolationLevel: 'serializable', snapshot: true } as const
    const { uow, driver } = record({}, { defaults })
    await uow.with({ isolationLevel: 'repeatable read' }).run(write('a'), { snapshot: false })
    expect(beginOf(driver)).toEqual({ isolationLevel: 'repeatable read', snapshot: false })
  })

  test('hold where an option is undefined', async () => {
    const { uow, driver } = record({}, { defaults: { isolationLevel: 'serializable', timeout: undefined } })
    await uow.with({ isolationLevel: undefined }).run(write('a'), { isolationLevel: undefined })
    expect(beginOf(driver)).toEqual({ isolationLevel: 'serializable' })
  })

  test('have a body run again', async () => {
    let attempts = 0
    const { uow } = record(
      { answers: { a: () => (++attempts < 3 ? refusal('deadlock') : 1) } },
      { defaults: { retry: { attempts: 3, backoff: () => 0 } } },
    )
    await uow.run((q) => q(write('a')))
    expect(attempts).toBe(3)
  })

  test('never have a stream run again', async () => {
    let attempts = 0
    const { uow } = record(
      { answers: { a: () => (++attempts, refusal('deadlock')) } },
      { defaults: { retry: { attempts: 3, backoff: () => 0 } } },
    )
    const taken = (async () => {
      for await (const _ of uow.stream(read('a'))) break
    })()
    expect(await failureOf(taken)).toMatchObject({ kind: 'deadlock' })
    expect(attempts).toBe(1)
  })
})

describe('of several deadlines', () => {
  test.each<[string, UnitDefaults, UnitDefaults, number | undefined, string]>([
    ['the default', { timeout: 20 }, {}, undefined, '20 ms'],
    ['that of with, beside a shorter default', { timeout: 10 }, { timeout: 30 }, undefined, '30 ms'],
    ['that of the unit, beside a shorter default', { timeout: 10 }, {}, 30, '30 ms'],
    ['that of the unit, if it is shorter', {}, { timeout: 5_000 }, 20, '20 ms'],
    ['that of with, if it is shorter', {}, { timeout: 20 }, 5_000, '20 ms'],
  ])('%s holds', async (_, defaults, own, timeout, shown) => {
    const { uow } = record({}, { defaults })
    const stuck = uow.with(own).run(() => new Promise<never>(() => {}), { timeout })
    const error = await failureOf(stuck)
    expect(error).toBeInstanceOf(DeadlineError)
    expect((error as Error).message).toContain(`was not done within ${shown}`)
  })

  test('the shorter one of nested derivations holds', async () => {
    const { uow } = record()
    for (const nested of [
      uow.with({ timeout: 20 }).with({ timeout: 5_000 }),
      uow.with({ timeout: 5_000 }).with({ timeout: 20 }),
    ]) {
      expect(await failureOf(nested.run(() => new Promise<never>(() => {})))).toMatchObject({
        message: expect.stringContaining('within 20 ms') as string,
      })
    }
  })

  test.each(['outer', 'inner', 'own', 'default'])('each signal stops the unit: %s', async (name) => {
    const signals = Object.fromEntries(
      ['outer', 'inner', 'own', 'default'].map((each) => [each, new AbortController()]),
    )
    const signalOf = (each: string) => signals[each]?.signal
    const { uow } = record({}, { defaults: { signal: signalOf('default') } })
    const derived = uow.with({ signal: signalOf('outer') }).with({ signal: signalOf('inner') })
    const stuck = derived.run(() => new Promise<never>(() => {}), { signal: signalOf('own') })
    signals[name]?.abort(new Error('gone'))
    expect(await failureOf(stuck)).toMatchObject({ reason: 'aborted', cause: { message: 'gone' } })
  })
})

describe('tags', () => {
  test('are merged, and reach events and errors', async () => {
    const units: unknown[] = []
    const subscriber = { start: ({ unit }: { unit: unknown }) => void units.push(unit) }
    const channels = ['leasehold:unit', 'leasehold:flight', 'leasehold:lease'].map((name) =>
      tracingChannel(name),
    )
    for (const channel of channels) channel.subscribe(subscriber as never)
    const { uow } = record(
      { answers: { a: refusal() } },
      { defaults: { tags: { service: 'shop', request: 'none' } } },
    )
    const error = await failureOf(
      uow
        .with({ tags: { request: '7' } })
        .with({ tags: { user: 'ann' } })
        .run(write('a')),
    )
    for (const channel of channels) channel.unsubscribe(subscriber as never)
    const tags = { service: 'shop', request: '7', user: 'ann' }
    expect(units).toHaveLength(3)
    expect(units).toEqual(units.map(() => expect.objectContaining({ tags }) as unknown))
    expect((error as LeaseholdError).unit).toMatchObject({ tags })
  })

  test('are absent without any', async () => {
    const { uow } = record({ answers: { a: refusal() } })
    const error = await failureOf(uow.with({ timeout: 5_000 }).run(write('a')))
    expect((error as LeaseholdError).unit).not.toHaveProperty('tags')
  })
})

describe('a derived unit of work', () => {
  test('knows units of the original, and the other way round', async () => {
    const { uow } = record()
    const derived = uow.with({ label: 'request' })
    expect(await failureOf(uow.run(() => derived.run(write('a'))))).toMatchObject({ name: 'UsageError' })
    expect(await failureOf(derived.run(() => uow.with({}).run(write('a'))))).toMatchObject({
      name: 'UsageError',
    })
  })

  test('gives its label to units without one', async () => {
    const { uow } = record({ answers: { a: refusal() } })
    const derived = uow.with({ label: 'request' })
    expect(await failureOf(derived.run(write('a')))).toMatchObject({ unit: { label: 'request' } })
    expect(await failureOf(derived.run(write('a'), { label: 'own' }))).toMatchObject({
      unit: { label: 'own' },
    })
  })

  test('does not close the original', async () => {
    const { uow } = record()
    await uow.with({}).close()
    expect(await uow.run(write('a'))).toBe(1)
  })
})

test.each<[object, RegExp]>([
  [{ timeOut: 5 }, /unknown option timeOut; known options: .*timeout/],
  [{ accessMode: 'read only' }, /unknown option accessMode/],
  [{ outcomeKey: 'a' }, /unknown option outcomeKey/],
  [{ timeout: -1 }, /timeout/],
  [{ timeout: '5' }, /timeout/],
  [{ commitTimeout: Number.NaN }, /commitTimeout/],
  [{ signal: {} }, /signal: expected an AbortSignal/],
  [{ retry: 3 }, /retry: expected true, false or/],
  [{ retry: { attempts: 0 } }, /retry.attempts/],
  [{ tags: { id: 7 } }, /tags: expected strings, got number for id/],
])('%j is refused at once', (options, message) => {
  const { uow } = record()
  expect(() => uow.with(options as never)).toThrow(UsageError)
  expect(() => uow.with(options as never)).toThrow(message)
  expect(() => record({}, { defaults: options })).toThrow(message)
})
