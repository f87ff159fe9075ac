/** Ambient units: code finds its unit by its context, or gets an error; never another connection. */
import { EventEmitter } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { afterCommit, createUnitOfWork, UsageError } from '@leasehold/core'
import { ambient, type AmbientUnits } from '@leasehold/core/ambient'
import { RecordingDriver, refusal } from '@leasehold/core/testing'
import { describe, expect, test } from 'vitest'
import { failureOf, read, record, write } from '../support/unit.ts'

/** The message of the error that a use rejects with or throws. */
async function refusalOf(use: () => unknown): Promise<string> {
  const error = (await failureOf((async () => use())())) as Error
  expect(error).toBeInstanceOf(UsageError)
  return error.message
}

const OUTSIDE = /was used outside of a unit/
const ENDED = /was used after unit \d+.* had ended: it was committed \d+ ms ago/

function make(nested?: 'refuse' | 'join') {
  const { uow, driver } = record({ answers: { rows: [{ id: 1, name: 'Ann', cents: 1 }] } })
  return { uow, driver, units: ambient(uow, { nested }) }
}

test('code at any depth runs its queries in the unit, in as few flights as by hand', async () => {
  const { units, driver } = make()
  const deep = async (name: string): Promise<number> => {
    await Promise.resolve()
    return units.q(write(name))
  }
  const result = await units.run(async () => {
    await Promise.all([deep('a'), deep('b')])
    await units.q.all([read('c'), write('d')])
    const rows = []
    for await (const row of units.q.stream(read('rows'))) rows.push(row)
    return [rows.length, units.q.attempt, units.current?.attempt]
  })
  expect(result).toEqual([1, 1, 1])
  expect(driver.journal).toEqual([
    'acquire',
    ['a', 'b'],
    ['c', 'd'],
    ['savepoint', 'rows'],
    ['commit'],
    'release',
  ])
})

test('read is read only, and run with retry is run again', async () => {
  const { units, driver } = make()
  await units.read(async function look() {
    expect(units.current).toMatchObject({ label: 'look' })
    await units.q(read('a'))
    return units.q(read('b'))
  })
  expect(driver.flights[0]?.[0]).toEqual({ type: 'begin', options: { accessMode: 'read only' } })
  const failing = record({ answers: { a: refusal('deadlock') } })
  const again = ambient(failing.uow)
  const attempts: number[] = []
  await failureOf(
    again.run(
      () => {
        attempts.push(again.q.attempt)
        return again.q(write('a'))
      },
      { retry: { attempts: 3, backoff: () => 0 } },
    ),
  )
  expect(attempts).toEqual([1, 2, 3])
})

describe('q is refused', () => {
  test('outside of a unit, with every function', async () => {
    const { units, driver } = make()
    for (const use of [
      () => units.q(read('a')),
      () => units.q.all([read('a')]),
      () => units.q.attempt,
      async () => {
        for await (const _ of units.q.stream(read('a'))) break
      },
    ]) {
      expect(await refusalOf(use)).toMatch(OUTSIDE)
    }
    expect(units.current).toBeUndefined()
    expect(driver.journal).toEqual([])
  })

  test('after the end of the unit, which it names', async () => {
    const { units, driver } = make()
    const late = Promise.withResolvers<string>()
    await units.run(async function placeOrder() {
      await units.q(write('a'))
      setTimeout(() => void refusalOf(() => units.q(write('b'))).then(late.resolve), 10)
    })
    expect(await late.promise).toMatch(
      /^q was used after unit \d+ \(placeOrder\) had ended: it was committed \d+ ms ago/,
    )
    expect(driver.sent).toEqual(['a', 'commit'])
  })

  test('inside a unit of another unit of work', async () => {
    const [one, two] = [make(), make()]
    const message = await one.units.run(() => refusalOf(() => two.units.q(write('a'))))
    expect(message).toMatch(/^q was used inside unit \d+, which belongs to another unit of work/)
    expect([...one.driver.journal, ...two.driver.journal]).toEqual([])
  })
})

test('units of work that are derived from one are one, and so are leases and sandboxes', async () => {
  const { uow, units, driver } = make()
  await ambient(uow.with({ tags: { request: 'a1' } })).run(async () => {
    await units.q(write('a'))
    expect(units.current?.tags).toEqual({ request: 'a1' })
  })
  {
    await using lease = await uow.lease()
    const onLease = ambient(lease)
    await Promise.all([onLease.run(() => units.q(write('b'))), onLease.run(() => units.q(write('c')))])
  }
  await uow.sandbox((_, sandboxed) => ambient(sandboxed).run(() => units.q(write('d'))))
  expect(driver.sent.filter((name) => name.length === 1)).toEqual(['a', 'b', 'c', 'd'])
})

describe('nested work', () => {
  test('is refused unless it joins', async () => {
    const { units, uow } = make()
    const message = await units.run(() => refusalOf(() => units.run(() => units.q(write('a')))))
    expect(message).toMatch(/^run was called inside unit \d+: call the function itself, or/)
    expect(await units.run(() => refusalOf(() => uow.run(write('a'))))).toMatch(/inside a unit/)
  })

  test('that joins is a part of the unit', async () => {
    const { units, driver } = make('join')
    const inner = () => units.run(() => units.q(write('b')), { label: 'inner' })
    await units.run(async () => {
      await units.q(write('a'))
      await inner()
      await units.read(() => units.q(read('c')))
    })
    expect(driver.journal).toEqual(['acquire', ['a'], ['b'], ['c'], ['commit'], 'release'])
  })

  test('that joins and fails is undone with the whole unit, whoever catches the error', async () => {
    const { units, driver } = make('join')
    const mine = new Error('mine')
    const failing = units.run(async () => {
      await units.q(write('a'))
      await units.run(() => Promise.reject(mine)).catch(() => {})
    })
    expect(await failureOf(failing)).toBe(mine)
    expect(driver.journal).toEqual(['acquire', ['a'], ['rollback'], 'release'])
  })

  test.each([
    [
      {},
      { isolationLevel: 'serializable' },
      /asks for isolationLevel serializable, and the unit has the server's/,
    ],
    [{ isolationLevel: 'read committed' }, { isolationLevel: 'serializable' }, /the unit has read committed/],
    [{ accessMode: 'read only' }, {}, /which only reads/],
    [{}, { timeout: 5 }, /timeout applies to a whole unit/],
    [{}, { signal: AbortSignal.timeout(1_000) }, /signal applies to a whole unit/],
    [{}, { retry: true }, /retry applies to a whole unit/],
    [{}, { outcomeKey: 'a' }, /outcomeKey applies to a whole unit/],
  ] as const)('cannot join a unit with %j when it asks for %j', async (outer, inner, problem) => {
    const { units } = make('join')
    const message = await units.run(() => refusalOf(() => units.run(() => Promise.resolve(), inner)), outer)
    expect(message).toMatch(problem)
  })

  test('with equal options joins', async () => {
    const { units } = make('join')
    const options = { isolationLevel: 'serializable' } as const
    expect(await units.run(() => units.run(() => units.q(write('a')), options), options)).toBe(1)
  })
})

test('hooks, and detached work, are outside of the unit', async () => {
  const { units, driver } = make()
  const seen: unknown[] = []
  let background: Promise<unknown> = Promise.resolve()
  await units.run(async () => {
    await units.q(write('a').andThen(() => afterCommit(() => void seen.push(units.current))))
    background = units.detach(() => {
      seen.push(units.current)
      return units.run(() => units.q(write('b')))
    })
  })
  await background
  expect(seen).toEqual([undefined, undefined])
  expect(driver.sent.filter((name) => name === 'commit')).toHaveLength(2)
})

test('work that is no function, and bad options, are refused', async () => {
  const { units, uow } = make()
  expect(await refusalOf(() => units.run(write('a') as never))).toMatch(/^run: expected a function/)
  expect(await refusalOf(() => ambient(uow, { nested: 'required' as never }))).toMatch(
    /expected nested to be one of/,
  )
  expect(await refusalOf(() => ambient(uow, { nest: 'join' } as never))).toMatch(/unknown option nest/)
  expect(await refusalOf(() => ambient({} as never))).toMatch(/expected a unit of work/)
})

/** Ways of losing the context: each calls `use` somewhere, and resolves with what became of it. */
const ways: Readonly<Record<string, (use: () => Promise<unknown>, units: AmbientUnits) => Promise<unknown>>> =
  {
    'a microtask': (use) =>
      new Promise((resolve, reject) => queueMicrotask(() => void use().then(resolve, reject))),
    'a timer': (use) =>
      new Promise((resolve, reject) => setTimeout(() => void use().then(resolve, reject), 5)),
    'an interval': (use) =>
      new Promise((resolve, reject) => {
        const interval = setInterval(() => {
          clearInterval(interval)
          use().then(resolve, reject)
        }, 5)
      }),
    'a listener': (use) => {
      const emitter = new EventEmitter()
      return new Promise((resolve, reject) => {
        emitter.on('event', () => void use().then(resolve, reject))
        emitter.emit('event')
      })
    },
    'a stream': (use) =>
      new Promise((resolve, reject) => {
        Readable.from(['x']).on('data', () => void use().then(resolve, reject))
      }),
    'a request over HTTP': async (use) => {
      const server = createServer((_, response) => response.end('ok')).listen(0, '127.0.0.1')
      try {
        await new Promise((resolve) => server.once('listening', resolve))
        const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
        await response.text()
        return await use()
      } finally {
        server.close()
      }
    },
    'a worker': async (use) => {
      const worker = new Worker('require("node:worker_threads").parentPort.postMessage(1)', { eval: true })
      return new Promise((resolve, reject) => {
        worker.once('message', () => void use().then(resolve, reject))
      })
    },
  }

describe.each(Object.entries(ways))('from %s', (_, way) => {
  test('inside of the unit, q runs in it', async () => {
    const { units, driver } = make()
    const outcome = await units.run(() => way(() => units.q(write('a')), units))
    expect([outcome, driver.sent]).toEqual([1, ['a', 'commit']])
  })

  test('beside another unit, q never runs in the wrong one', async () => {
    const { units, driver } = make()
    const named = (name: string) =>
      units.run(async () => {
        await units.q(write(name))
        await way(async () => {
          await sleep(1)
          return units.q(write(name))
        }, units)
      })
    await Promise.all([named('a'), named('b'), named('c')])
    const byConnection = new Set(driver.flights.map((flight) => flight.length))
    expect(byConnection).toEqual(new Set([1]))
    expect(driver.sent.filter((name) => name === 'commit')).toHaveLength(3)
  })

  test('outside of a unit, q is refused', async () => {
    const { units, driver } = make()
    expect(await refusalOf(() => way(() => units.q(write('a')), units))).toMatch(OUTSIDE)
    expect(driver.journal).toEqual([])
  })

  test('after the unit, q is refused', async () => {
    const { units, driver } = make()
    const done = Promise.withResolvers<void>()
    let late: Promise<string> = Promise.resolve('')
    await units.run(async () => {
      await units.q(write('a'))
      late = refusalOf(() =>
        way(async () => {
          await done.promise
          return units.q(write('b'))
        }, units),
      )
    })
    done.resolve()
    expect(await late).toMatch(ENDED)
    expect(driver.sent).toEqual(['a', 'commit'])
  })
})

test('the loser of a race is refused once the unit has ended', async () => {
  const { units, driver } = make()
  let loser: Promise<string> = Promise.resolve('')
  await units.run(async () => {
    const slow = async () => {
      await sleep(20)
      return units.q(write('late'))
    }
    loser = refusalOf(slow)
    await Promise.race([units.q(write('a')), loser])
  })
  expect(await loser).toMatch(ENDED)
  expect(driver.sent).toEqual(['a', 'commit'])
})

test('a listener that was set up outside of the unit, and called outside, is outside', async () => {
  const { units } = make()
  const emitter = new EventEmitter()
  const heard = new Promise<string>((resolve) => {
    emitter.on('event', () => void refusalOf(() => units.q(write('a'))).then(resolve))
  })
  await units.run(() => units.q(write('a')))
  emitter.emit('event')
  expect(await heard).toMatch(OUTSIDE)
})

test('one use case by value, by q and ambient sends the same statements', async () => {
  const repository = { find: () => read('find'), change: () => write('change') }
  const journals = []
  for (const way of ['value', 'q', 'ambient'] as const) {
    const driver = new RecordingDriver()
    const uow = createUnitOfWork({ driver })
    const units = ambient(uow)
    if (way === 'value') await uow.run(repository.find().andThen(() => repository.change()))
    else if (way === 'q') {
      await uow.run(async (q) => {
        await q(repository.find())
        await q(repository.change())
      })
    } else {
      await units.run(async () => {
        await units.q(repository.find())
        await units.q(repository.change())
      })
    }
    journals.push(driver.sent)
  }
  expect(journals).toEqual(Array.from({ length: 3 }, () => ['find', 'change', 'commit']))
})
