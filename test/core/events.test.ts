import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel'
import {
  all,
  AcquireError,
  afterCommit,
  fail,
  type FlightEvent,
  type LeaseEvent,
  Statement,
  succeed,
  type UnitEvent,
} from '@leasehold/core'
import { inspect } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { db } from './support/accounts.ts'
import { refusal, type Script } from '@leasehold/core/testing'
import { failureOf, raw, read, record, write } from './support/unit.ts'

interface Heard {
  readonly span: string
  readonly event: object
}

const unsubscribes: (() => void)[] = []

afterEach(() => {
  for (const unsubscribe of unsubscribes.splice(0)) unsubscribe()
})

/** Subscribes to a channel, whose events are of type `E`; spans are named in the order in which they begin and end. */
function listen<E extends object>(
  name: string,
  heard: Heard[] = [],
  events: E[] = [],
): { readonly heard: readonly Heard[]; readonly events: readonly E[] } {
  const channel: TracingChannel<unknown, E> = tracingChannel(name)
  const hear = (span: string) => (event: E) => {
    heard.push({ span: `${name.slice('leasehold:'.length)} ${span}`, event: { ...event } })
    if (span === 'start') events.push(event)
  }
  const subscribers = {
    start: hear('start'),
    end() {},
    asyncStart() {},
    asyncEnd: hear('end'),
    error: hear('error'),
  }
  channel.subscribe(subscribers)
  unsubscribes.push(() => channel.unsubscribe(subscribers))
  return { heard, events }
}

function listenToAll(): Heard[] {
  const heard: Heard[] = []
  for (const name of ['leasehold:unit', 'leasehold:lease', 'leasehold:flight']) listen(name, heard)
  return heard
}

describe('spans', () => {
  test('of unit, lease and flights enclose one another', async () => {
    const heard = listenToAll()
    await record().uow.run(
      write('a').andThen(() => afterCommit(() => heard.push({ span: 'hook', event: {} }))),
    )
    expect(heard.map(({ span }) => span)).toEqual([
      'unit start',
      'lease start',
      'flight start',
      'flight end',
      'flight start',
      'flight end',
      'lease end',
      'hook',
      'unit end',
    ])
  })

  test.each<[string, Script]>([
    ['a refused statement', { answers: { a: refusal() } }],
    ['a lost connection', { lost: { flight: 1, sent: true } }],
    ['a refused lease', { refused: new AcquireError('closed', 'closed') }],
  ])('end after %s as well', async (_, script) => {
    const heard = listenToAll()
    await failureOf(record(script).uow.run(write('a')))
    await new Promise(setImmediate)
    for (const name of ['unit', 'lease', 'flight']) {
      const starts = heard.filter(({ span }) => span === `${name} start`)
      expect(heard.filter(({ span }) => span === `${name} end`)).toHaveLength(starts.length)
    }
    expect(heard.map(({ span }) => span)).toContain('unit error')
  })
})

describe('leasehold:unit', () => {
  test('tells what the unit was and what became of it', async () => {
    const { events } = listen<UnitEvent>('leasehold:unit')
    const { uow } = record({ answers: { bad: refusal() } })
    await uow.run(
      write('a').andThen(() => write('b')),
      { label: 'writing' },
    )
    await uow.read(read('a'))
    await failureOf(uow.run(write('bad').map(String)))
    expect(events).toMatchObject([
      { unit: { label: 'writing' }, access: 'run', flights: 3, outcome: 'committed' },
      { unit: { label: 'a' }, access: 'read', flights: 1, outcome: 'committed' },
      { unit: { label: 'bad' }, access: 'run', flights: 2, outcome: 'rolled back' },
    ])
    const ids = events.map(({ unit }) => unit.id)
    expect(ids).toEqual([ids[0], Number(ids[0]) + 1, Number(ids[0]) + 2])
  })

  test('tells that the outcome is unknown', async () => {
    const { events } = listen<UnitEvent>('leasehold:unit')
    await failureOf(record({ lost: { flight: 1, sent: true } }).uow.run(write('a')))
    expect(events).toMatchObject([{ outcome: 'unknown' }])
  })

  test('is filled in on the way', async () => {
    const { heard, events } = listen<UnitEvent>('leasehold:unit')
    await record().uow.run(async (q) => {
      await q(write('a'))
      expect(events[0]).toMatchObject({ flights: 1 })
      expect(events[0]).not.toHaveProperty('outcome')
    })
    expect(heard[0]?.event).toMatchObject({ flights: 0 })
    expect(events[0]).toMatchObject({ flights: 2, outcome: 'committed' })
  })

  test('carries the error of a unit that failed', async () => {
    const { events } = listen<UnitEvent & { error?: unknown }>('leasehold:unit')
    const mine = new Error('mine')
    await failureOf(record().uow.run(fail(mine)))
    expect(events[0]?.error).toBe(mine)
  })

  test('counts the flights of a connection that takes one command at a time', async () => {
    const { events } = listen<UnitEvent>('leasehold:unit')
    await record({ pipelining: false }).uow.read(all([read('a'), read('b')]))
    expect(events).toMatchObject([{ flights: 4 }])
  })

  test('is there for units that need no connection', async () => {
    const { events } = listen<UnitEvent>('leasehold:unit')
    await record().uow.run(succeed(1))
    expect(events).toMatchObject([{ flights: 0 }])
  })
})

describe('leasehold:flight', () => {
  test('tells the commands of each flight, with their unit', async () => {
    const { events } = listen<FlightEvent>('leasehold:flight')
    const units = listen<UnitEvent>('leasehold:unit').events
    await record().uow.run((q) => q.all([read('a'), write('b'), raw('c')]), {
      isolationLevel: 'read committed',
    })
    const { unit } = units[0] ?? {}
    expect(events.map(({ unit, index, commands }) => ({ unit, index, commands }))).toEqual([
      {
        unit,
        index: 1,
        commands: [
          { type: 'begin' },
          { type: 'statement', label: 'a', kind: 'read', sql: 'select * from `accounts`' },
          { type: 'statement', label: 'b', kind: 'write', sql: 'update `accounts` set `cents` = ?' },
          { type: 'savepoint' },
          { type: 'statement', label: 'c', kind: 'unknown', sql: 'call something()' },
          { type: 'release' },
        ],
      },
      { unit, index: 2, commands: [{ type: 'commit' }] },
    ])
  })

  test('has no parameters in it', async () => {
    const { events } = listen<FlightEvent>('leasehold:flight')
    const secret = '5e3ec7ed'
    await record().uow.run(db.insertInto('accounts').values({ ownerName: secret, cents: 1 }))
    expect(events).toHaveLength(1)
    expect(inspect(events, { depth: Infinity, getters: true })).not.toContain(secret)
  })
})

describe('leasehold:lease', () => {
  test.each<[string, Script, LeaseEvent['end']]>([
    ['released', {}, 'released'],
    ['discarded', { lost: { flight: 1, sent: false } }, 'discarded'],
  ])('tells the connection and its end: %s', async (_, script, end) => {
    const { events } = listen<LeaseEvent>('leasehold:lease')
    const before = performance.now()
    await record(script)
      .uow.run(write('a'), { retry: false })
      .catch(() => {})
    expect(events).toMatchObject([{ connection: 1, end }])
    expect(events[0]?.acquiredAt).toBeGreaterThanOrEqual(before)
    expect(events[0]?.acquiredAt).toBeLessThanOrEqual(performance.now())
  })

  test('tells that none was to be had', async () => {
    const { events } = listen<LeaseEvent & { error?: unknown }>('leasehold:lease')
    const refused = new AcquireError('timeout', 'none came free')
    await failureOf(record({ refused }).uow.run(write('a')))
    await new Promise(setImmediate)
    expect(events).toHaveLength(1)
    expect(events[0]?.error).toBe(refused)
    expect(events[0]).not.toHaveProperty('end')
    expect(events[0]).not.toHaveProperty('connection')
  })
})

test('nothing is made for events while nobody listens', async () => {
  const { uow, driver } = record({ answers: { a: { affectedRows: 1 } } })
  const query = write('a')
  await uow.run(query)
  const [command] = driver.flights[0] ?? []
  if (command?.type !== 'statement') throw new Error('expected a statement')
  // The query is a value, so that this statement is the one of each run.
  const { sql } = command.statement
  let looked = 0
  Object.defineProperty(command.statement, 'sql', {
    get() {
      looked += 1
      return sql
    },
  })
  expect(command.statement).toBeInstanceOf(Statement)
  await uow.run(query)
  expect(looked).toBe(0)
  listen('leasehold:flight')
  await uow.run(query)
  expect(looked).toBe(1)
})
