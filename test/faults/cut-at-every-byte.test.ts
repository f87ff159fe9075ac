import { CommitUnknownError, ConnectionLostError, one, type UnitOfWork } from '@leasehold/core'
import { type FaultProxy, type Link, type Side, startFaultProxy } from '@leasehold/test-support/fault-proxy'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { db } from '../mysql/support/fixture.ts'
import { entries, SIZE, useLedger } from './support/ledger.ts'

const fixture = useLedger()
// As many digits in every unit, so that all conversations have the same length.
let units = 100_000
let proxy: FaultProxy
beforeAll(async () => {
  proxy = await startFaultProxy({ target: fixture.server })
})
afterAll(() => proxy.stop())

/** The connection that the next unit will use, with the login behind it. */
async function ready(uow: UnitOfWork): Promise<Link> {
  await uow.run(one(db.selectNoFrom(sql<number>`1`.as('ready'))))
  const link = proxy.links.at(-1)
  if (link === undefined) throw new Error('expected a connection through the proxy, found none')
  link.forget()
  return link
}

/** Where the last packet of a conversation begins. */
function lastPacketIn(bytes: Buffer): number {
  let start = 0
  for (;;) {
    const next = start + 4 + bytes.readUIntLE(start, 3)
    if (next === bytes.length) return start
    start = next
  }
}

interface Cut {
  readonly outcome: 'committed' | 'lost' | 'unknown'
  /** Whether a byte of COMMIT was written. */
  readonly committing: boolean
  readonly entries: number
}

describe.each([true, false])('with pipeline: %s, a unit that is cut off', (pipeline) => {
  /** One unit whose connection is cut after so many bytes from that side. */
  async function cut(uow: UnitOfWork, side: Side, bytes: number, commitAt: number): Promise<Cut> {
    const link = await ready(uow)
    link.cutAfter(side, bytes)
    const unit = ++units
    const outcome = await uow
      .run(entries(unit), { retry: false })
      .then(() => 'committed' as const, classified)
    const committing = link.received('client').length > commitAt
    if (outcome !== 'committed') await fixture.quiet()
    return { outcome, committing, entries: await fixture.entriesOf(unit) }
  }

  test.each<Side>(['client', 'server'])('at any byte from the %s is whole or absent', async (side) => {
    const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline, pool: { max: 1 } })
    const link = await ready(uow)
    await uow.run(entries(++units))
    const [said, length] = [link.received('client'), link.received(side).length]
    const commitAt = lastPacketIn(said)
    expect(said.toString('latin1', commitAt)).toContain('COMMIT')
    await uow.close()

    const cuts: Cut[] = []
    for (let bytes = 0; bytes <= length; bytes++) {
      const fresh = fixture.uow({ host: proxy.host, port: proxy.port, pipeline, pool: { max: 1 } })
      cuts.push(await cut(fresh, side, bytes, commitAt))
      await fresh.close()
    }

    // Nothing short of its last byte is a COMMIT, and nothing that the server says undoes one.
    for (const [bytes, { outcome, committing, entries }] of cuts.entries()) {
      const whole = side === 'client' ? bytes === length : committing
      expect.soft({ bytes, outcome, entries }).toEqual({
        bytes,
        outcome: bytes === length ? 'committed' : committing ? 'unknown' : 'lost',
        entries: whole ? SIZE : 0,
      })
    }
    expect(new Set(cuts.map(({ outcome }) => outcome))).toEqual(new Set(['lost', 'unknown', 'committed']))
  })
})

function classified(error: unknown): Cut['outcome'] {
  if (error instanceof CommitUnknownError) return 'unknown'
  if (error instanceof ConnectionLostError) return 'lost'
  throw error
}
