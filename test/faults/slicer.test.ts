import { LeaseholdError, type UnitOfWork } from '@leasehold/core'
import { type FaultProxy, startFaultProxy } from '@leasehold/test-support/fault-proxy'
import { chooseSeed } from '@leasehold/test-support/seed'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { useFixture } from '../mysql/support/fixture.ts'
import { type Program, programs, queryOf, Refusal } from './support/random-programs.ts'

const fixture = useFixture()
let proxy: FaultProxy
beforeAll(async () => {
  proxy = await startFaultProxy({ target: fixture.server, sliced: true })
})
afterAll(() => proxy.stop())

/** All that can be told of a run afterwards, but for the place of a statement in its flight. */
async function told(uow: UnitOfWork, one: Program): Promise<unknown> {
  await fixture.restore()
  const end = await uow.run(queryOf(one)).then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
  return plain({ end, left: await fixture.rows('select * from accounts order by id') })
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Error && !(value instanceof LeaseholdError || value instanceof Refusal)) throw value
  const entries = Object.entries(value).filter(([key]) => key !== 'index' && key !== 'unit')
  const message = value instanceof Error ? { message: value.message } : {}
  return { ...message, ...Object.fromEntries(entries.map(([key, part]) => [key, plain(part)])) }
}

test('programs end alike in flights that arrive byte by byte and in single statements', async () => {
  const sliced = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true, pool: { max: 1 } })
  const direct = fixture.uow({ pipeline: false, pool: { max: 1 } })
  const seen = { values: 0, errors: 0 }
  await fc.assert(
    fc.asyncProperty(programs, async (one) => {
      const expected = await told(direct, one)
      expect(await told(sliced, one)).toEqual(expected)
      seen[JSON.stringify(expected).startsWith('{"end":{"error"') ? 'errors' : 'values'] += 1
    }),
    { numRuns: 150, seed: chooseSeed() },
  )
  expect(Math.min(seen.values, seen.errors)).toBeGreaterThan(10)
})
