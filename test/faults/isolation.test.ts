/**
 * What the isolation levels of the two servers are worth, pinned: an upgrade that changes one of these changes what
 * applications may rely on.
 */
import type { IsolationLevel } from '@leasehold/core'
import { beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { useFixture } from '../mysql/support/fixture.ts'
import { anomalies } from './support/anomalies.ts'
import { setStage } from './support/interleaved.ts'

type Name = keyof typeof anomalies

/** How an anomaly is met: it shows, it does not, or the server ends one of the units. */
type Pinned = Readonly<Record<Name, 'shows' | 'prevented' | 'deadlock'>>

const readUncommitted: Pinned = {
  G0: 'prevented',
  G1a: 'shows',
  G1b: 'shows',
  G1c: 'shows',
  OTV: 'shows',
  PMP: 'shows',
  P4: 'shows',
  'G-single': 'shows',
  'G-single by write': 'shows',
  'G2-item': 'shows',
  G2: 'shows',
}

const readCommitted: Pinned = {
  ...readUncommitted,
  G1a: 'prevented',
  G1b: 'prevented',
  G1c: 'prevented',
  OTV: 'prevented',
}

/** Reads are of one snapshot, writes are not: what a unit writes may rest on what it has never seen. */
const repeatableRead: Pinned = { ...readCommitted, PMP: 'prevented', 'G-single': 'prevented' }

/** Every read takes a lock, so that some units wait and others meet in a deadlock. */
const serializable: Pinned = {
  G0: 'prevented',
  G1a: 'prevented',
  G1b: 'prevented',
  G1c: 'deadlock',
  OTV: 'prevented',
  PMP: 'prevented',
  P4: 'deadlock',
  'G-single': 'prevented',
  'G-single by write': 'prevented',
  'G2-item': 'deadlock',
  G2: 'deadlock',
}

type Levels = Readonly<Record<IsolationLevel, Pinned>>

const mysql: Levels = {
  'read uncommitted': readUncommitted,
  'read committed': readCommitted,
  'repeatable read': repeatableRead,
  serializable,
}

/** Its locks are first come, first served: who holds one and wants a stronger one waits behind who came between. */
const mariadb: Levels = { ...mysql, serializable: { ...serializable, 'G-single by write': 'deadlock' } }

const pinned = { mysql, mariadb }[inject('serverKind')]

const fixture = useFixture()
beforeAll(() => fixture.oracle.query('create table cells (id int primary key, value int not null)'))
beforeEach(async () => {
  await fixture.oracle.query('delete from cells')
  await fixture.oracle.query('insert into cells values (1, 10), (2, 20)')
})

async function committed(): Promise<string> {
  const rows = await fixture.rows<{ value: number }>('select value from cells order by id')
  return rows.map(({ value }) => value).join(' ')
}

describe.each(Object.entries(pinned) as [IsolationLevel, Pinned][])('%s', (isolationLevel, expected) => {
  test.each(Object.entries(expected) as [Name, string][])('%s: %s', async (name, expected) => {
    const stage = setStage(fixture.uow({ pool: { max: 3 } }), fixture, isolationLevel)
    const shows = await anomalies[name](stage, committed)
    const deadlocked = await stage.ended()
    expect(deadlocked ? 'deadlock' : shows ? 'shows' : 'prevented').toBe(expected)
  })
})
