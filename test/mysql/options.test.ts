import { UsageError } from '@leasehold/core'
import { mysqlDriver } from '@leasehold/mysql'
import { describe, expect, test } from 'vitest'
import { accounts, useFixture } from './support/fixture.ts'

const fixture = useFixture()

describe.each([2 ** 31, Number.POSITIVE_INFINITY, Number.NaN, -1, 0.5])('%j milliseconds', (time) => {
  test.each(['acquireTimeout', 'closeTimeout', 'maxLifetime', 'idleTimeout', 'keepalive'])(
    'are no %s of a pool',
    (name) => {
      expect(() => mysqlDriver({ pool: { [name]: time } })).toThrow(UsageError)
      expect(() => mysqlDriver({ pool: { [name]: time } })).toThrow(
        `pool.${name}: expected whole milliseconds`,
      )
    },
  )

  test('are no connectTimeout', () => {
    expect(() => mysqlDriver({ connectTimeout: time })).toThrow(/connectTimeout: expected whole milliseconds/)
  })
})

test('the longest times that a timer can wait for are taken', async () => {
  const longest = 2 ** 31 - 1
  const pool = {
    acquireTimeout: longest,
    closeTimeout: longest,
    maxLifetime: longest,
    idleTimeout: longest,
    keepalive: longest,
  }
  const uow = fixture.uow({ connectTimeout: longest, pool })
  expect(await uow.run(accounts.all())).toHaveLength(9)
  await uow.close()
})
