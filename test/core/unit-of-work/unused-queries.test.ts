import {
  affected,
  afterCommit,
  all,
  attempt,
  createUnitOfWork,
  defineRepository,
  describeQuery,
  each,
  fail,
  many,
  program,
  type Query,
  succeed,
  type UnitOfWork,
} from '@leasehold/core'
import { RecordingDriver } from '@leasehold/core/testing'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { db } from '../support/accounts.ts'
import { failureOf } from '../support/unit.ts'

const accounts = defineRepository('accounts', {
  add: (id: number) => affected(db.updateTable('accounts').set({ cents: 1 }).where('id', '=', id)),
  list: () => many(db.selectFrom('accounts').selectAll()),
  twice: (id: number) =>
    program(function* () {
      yield* all([accounts.add(id), accounts.add(id)])
    }),
})

interface Warning extends Error {
  readonly detail?: string
}

let warnings: Warning[] = []
const hear = (warning: Warning): void => {
  if (warning.name === 'LeaseholdUnusedQueryWarning') warnings.push(warning)
}

beforeEach(() => {
  warnings = []
  process.on('warning', hear)
})
afterEach(() => process.off('warning', hear))

function unitOfWork(warnUnused = true): UnitOfWork {
  return createUnitOfWork({ driver: new RecordingDriver(), warnUnused })
}

/** The names of what was told, once the garbage has been looked through. */
async function told(): Promise<readonly string[]> {
  for (let turn = 0; turn < 20 && warnings.length === 0; turn++) await sleep(5)
  return warnings.map(({ message }) => message.slice(0, message.indexOf(' was built in ')))
}

describe('a forgotten', () => {
  test('yield* in a program is told, with its place', async () => {
    await unitOfWork().run(
      program(function* () {
        accounts.add(1)
        yield* accounts.add(2)
      }).named('forgetful'),
    )
    expect(await told()).toEqual(['accounts.add'])
    expect(warnings[0]?.message).toMatch(
      /^accounts\.add was built in unit \d+ \(forgetful\) and never run: yield\* it, pass it to q, return it or leave it out$/,
    )
    const [first] = warnings[0]?.detail?.split('\n') ?? []
    expect(first).toMatch(/unused-queries\.test\.ts:2\d:/)
    expect(warnings[0]?.detail).toMatch(/unused-queries\.test\.ts:6\d:/)
    expect(warnings[0]?.detail).not.toMatch(/core[/\\]src/)
  })

  test('q in a body is told, behind what it waits for, too', async () => {
    await unitOfWork().run(async (q) => {
      await q(accounts.list())
      accounts.add(1)
      await q(accounts.add(2))
    })
    expect(await told()).toEqual(['accounts.add'])
  })

  test.each<[string, () => unknown, string]>([
    ['program', () => accounts.twice(1), 'accounts.twice'],
    ['list', () => all([accounts.list(), accounts.add(1).map(String)]), 'accounts.add'],
    ['step that depends', () => accounts.list().andThen(() => accounts.add(1)), 'a query (then)'],
    ['attempt', () => attempt(accounts.add(1)), 'accounts.add'],
    ['hook', () => afterCommit(() => {}), 'a query (hook)'],
    ['failure', () => fail(new Error('unheard')), 'a query (fail)'],
    ['each', () => each([1], accounts.add), 'a query (each)'],
    ['statement without a label', () => affected(db.deleteFrom('entries')), 'delete from `entries`'],
  ])('%s is told', async (_, forget, name) => {
    await unitOfWork().run(
      program(function* () {
        yield* accounts.list()
        forget()
      }),
    )
    expect(await told()).toEqual([name])
  })

  test('query of one place is told once', async () => {
    const forget = program(function* () {
      accounts.add(1)
      yield* accounts.list()
    })
    const uow = unitOfWork()
    await uow.run(forget)
    expect(await told()).toHaveLength(1)
    await uow.run(forget)
    await sleep(50)
    expect(warnings).toHaveLength(1)
  })
})

describe('nothing is told of', () => {
  const kept: Query<unknown>[] = []

  const quiet: [string, (uow: UnitOfWork) => Promise<unknown>][] = [
    [
      'what is run, in whatever way',
      (uow) =>
        uow.run(async (q) => {
          await q(accounts.add(1))
          await q.all([accounts.add(1), accounts.twice(1).named('named')])
          await q(each([1, 2], accounts.add))
          await q(attempt(accounts.list().andThen(() => accounts.add(1))))
          void q(accounts.add(3))
          await q(
            program(function* () {
              const later = accounts.add(4)
              yield* accounts.list()
              yield* later
              yield accounts.add(5)
              return yield* afterCommit(() => {})
            }),
          )
        }),
    ],
    ['reads', (uow) => uow.run(async (q) => [accounts.list().map(String), await q(accounts.list())].length)],
    ['what is kept for later', (uow) => uow.run(async () => Promise.resolve(kept.push(accounts.add(1))))],
    ['what is given in a result', (uow) => uow.run(async () => Promise.resolve({ next: accounts.add(1) }))],
    [
      'what is described',
      (uow) => uow.run(async () => Promise.resolve(describeQuery(accounts.add(1)).flights.length)),
    ],
    ['what was made outside of units', (uow) => (accounts.add(1), uow.run(succeed(1)))],
    [
      'a unit that failed',
      (uow) =>
        failureOf(
          uow.run(
            program(function* () {
              const undo = accounts.add(1)
              yield* fail(new Error('mine'))
              yield* undo
            }),
          ),
        ),
    ],
  ]

  test.each(quiet)('%s', async (_, work) => {
    const result = await work(unitOfWork())
    await sleep(50)
    expect(warnings).toEqual([])
    void result
  })

  test('what is run by a later unit', async () => {
    const uow = unitOfWork()
    const later = await uow.run(async () => Promise.resolve([accounts.add(1)]))
    await uow.run(all(later))
    await sleep(50)
    expect(warnings).toEqual([])
  })

  test('anything where it is not wanted', async () => {
    await unitOfWork(false).run(
      program(function* () {
        accounts.add(1)
        yield* accounts.list()
      }),
    )
    await sleep(50)
    expect(warnings).toEqual([])
  })
})

test('what was run is forgotten, however many a unit runs', async () => {
  const driver = new RecordingDriver({ delay: () => Promise.resolve() })
  const uow = createUnitOfWork({ driver })
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  let after = 0
  await uow.run(async (q) => {
    for (let run = 0; run < 20_000; run += 1) {
      if (run === 5_000) {
        collect()
        after = process.memoryUsage().heapUsed
      }
      await q(affected(db.updateTable('accounts').set({ cents: 1 }).where('id', '=', run)))
      driver.flights.length = 0
      driver.journal.length = 0
    }
    collect()
    after = process.memoryUsage().heapUsed - after
  })
  // All of them took 0.5 kB each, at the least, and their stacks.
  expect(after).toBeLessThan(15_000 * 500)
}, 60_000)
