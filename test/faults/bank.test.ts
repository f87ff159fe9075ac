import { CommitUnknownError, type UnitOfWork } from '@leasehold/core'
import { type FaultProxy, startFaultProxy } from '@leasehold/test-support/fault-proxy'
import { testSeed } from '@leasehold/test-support/test-seed'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Random } from '../../examples/order-desk/generate/random.ts'
import { eventually, UNTOUCHED, useFixture } from '../mysql/support/fixture.ts'
import { total, transfer } from './support/bank.ts'
import { startFaults } from './support/faults.ts'

const CLIENTS = 16
const UNITS = 40
/** Milliseconds, for a unit whose connection has stalled. */
const TIMEOUT = 400
const ACCOUNTS = Object.keys(UNTOUCHED).length
const TOTAL = Object.values(UNTOUCHED).reduce((sum, cents) => sum + cents, 0)

const fixture = useFixture()
let proxy: FaultProxy
beforeAll(async () => {
  await fixture.oracle.query('create table transfers (transfer int not null)')
  proxy = await startFaultProxy({ target: fixture.server })
})
afterAll(() => proxy.stop())

/** What one unit in so many does besides: see the total, or change its mind. */
const READS = 4
const ABORTS = 10

/** What the faults may do to a unit. A `StatementError` is a deadlock that was met too often. */
const EXPECTED: ReadonlySet<string> = new Set([
  'AcquireError',
  'CommitUnknownError',
  'ConnectionLostError',
  'DeadlineError',
  'StatementError',
])

function assertExpected(error: unknown): void {
  if (!(error instanceof Error && EXPECTED.has(error.name))) throw error
}

interface Book {
  readonly committed: number[]
  readonly unknown: number[]
  readonly absent: number[]
  readonly totals: number[]
}

async function client(uow: UnitOfWork, first: number, random: Random, book: Book): Promise<void> {
  const below = (limit: number): number => random.integer(0, limit - 1)
  for (let id = first; id < first + UNITS; id++) {
    const retry = { attempts: 10 }
    if (below(READS) === 0) {
      const options = { isolationLevel: 'repeatable read', snapshot: true, timeout: TIMEOUT, retry } as const
      await uow.read(total, options).then(
        (sum) => book.totals.push(sum),
        (error: unknown) => assertExpected(error),
      )
    }
    const from = below(ACCOUNTS)
    const to = (from + 1 + below(ACCOUNTS - 1)) % ACCOUNTS
    const controller = new AbortController()
    if (below(ABORTS) === 0) setTimeout(() => controller.abort(), below(20))
    const options = { timeout: TIMEOUT, signal: controller.signal, retry }
    await uow.run(transfer({ id, from: from + 1, to: to + 1, cents: below(50) }), options).then(
      () => book.committed.push(id),
      (error: unknown) => {
        assertExpected(error)
        ;(error instanceof CommitUnknownError ? book.unknown : book.absent).push(id)
      },
    )
  }
}

test('money is neither made nor lost, and each transfer happens at most once, whatever breaks', async () => {
  const seed = testSeed()
  const book: Book = { committed: [], unknown: [], absent: [], totals: [] }
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true, connectTimeout: 1_000 })
  const faults = startFaults(proxy, fixture, new Random(seed, 0))
  try {
    await Promise.all(
      Array.from({ length: CLIENTS }, (_, index) =>
        client(uow, index * UNITS, new Random(seed, index + 1), book),
      ),
    )
  } finally {
    await faults.stop()
  }
  await uow.close()
  await proxy.stop()
  await eventually(async () => (await fixture.sessions()).length === 0)

  const found = await fixture.rows<{ transfer: number; times: number }>(
    'select transfer, count(*) as times from transfers group by transfer',
  )
  const times = new Map(found.map(({ transfer, times }) => [transfer, times]))
  const timesOf = (ids: readonly number[]): Set<number> => new Set(ids.map((id) => times.get(id) ?? 0))
  expect(timesOf(book.committed)).toEqual(new Set([1]))
  expect(timesOf(book.absent)).toEqual(new Set([0]))
  for (const id of book.unknown) expect([0, 1]).toContain(times.get(id) ?? 0)

  const left = Object.values(await fixture.balances()).reduce((sum, cents) => sum + cents, 0)
  expect(left).toBe(TOTAL)
  expect(new Set(book.totals)).toEqual(new Set([TOTAL]))
}, 60_000)
