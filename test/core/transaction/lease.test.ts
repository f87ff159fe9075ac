import { setImmediate as turn } from 'node:timers/promises'
import { AcquireError, all, type Connection, createUnitOfWork, UsageError } from '@leasehold/core'
import { describe, expect, test } from 'vitest'
import { RecordingDriver, refusal } from '@leasehold/core/testing'
import { failureOf, read, record, write } from '../support/unit.ts'

/** A driver whose connections fail in ways that the port does not allow for. */
function driverWith(change: (connection: Connection) => Partial<Connection>): RecordingDriver {
  const driver = new RecordingDriver()
  const acquire = driver.acquire.bind(driver)
  driver.acquire = async () => {
    const connection = await acquire()
    return {
      id: connection.id,
      pipelining: true,
      proven: connection.proven,
      server: connection.server,
      fly: (commands) => connection.fly(commands),
      stream: (command, ahead) => connection.stream(command, ahead),
      interrupt: () => connection.interrupt(),
      renew: (transaction) => connection.renew(transaction),
      release: (transaction) => connection.release(transaction),
      discard: (reason) => connection.discard(reason),
      ...change(connection),
    }
  }
  return driver
}

test('a lone write on a way that is not proven is answered before COMMIT is sent', async () => {
  const [proven, unproven] = [record(), driverWith(() => ({ proven: false }))]
  await proven.uow.run(write('a'))
  expect(proven.driver.flights).toHaveLength(1)
  await createUnitOfWork({ driver: unproven }).run(write('a'))
  expect(unproven.journal).toEqual(['acquire', ['a'], ['commit'], 'release'])
  await createUnitOfWork({ driver: unproven }).run(read('b'))
  expect(unproven.journal.slice(4)).toEqual(['acquire', ['b', 'commit'], 'release'])
})

describe('a lease', () => {
  test('of a failed acquire never was: nothing ran, and the error comes out', async () => {
    const refused = new AcquireError('timeout', 'no connection came free')
    const { uow, driver } = record({ refused })
    expect(await failureOf(uow.run(read('a')))).toBe(refused)
    expect(await failureOf(uow.run((q) => q(read('a'))))).toBe(refused)
    expect(driver.journal).toEqual(['acquire', 'acquire'])
  })

  test('ends once, whatever the end of the unit', async () => {
    const scripts = [{}, { answers: { b: refusal() } }, { answers: { b: refusal(), rollback: refusal() } }]
    const ends = ['release', 'release', 'discard']
    for (const [index, script] of scripts.entries()) {
      const { uow, driver } = record(script)
      await uow.run(all([write('a'), write('b')])).catch(() => {})
      await turn()
      expect(driver.journal.filter((entry) => entry === 'release' || entry === 'discard')).toEqual([
        ends[index],
      ])
    }
  })

  test('is discarded when the driver fails in a way that nobody foresaw', async () => {
    const driver = driverWith(() => ({ fly: () => Promise.reject(new TypeError('bug')) }))
    const error = await failureOf(createUnitOfWork({ driver }).run(write('a')))
    expect(error).toEqual(new TypeError('bug'))
    expect(driver.journal).toEqual(['acquire', 'discard'])
  })

  test('is discarded when the server still reports a transaction after its end', async () => {
    const { uow, driver } = record({ answers: { commit: { inTransaction: true } } })
    expect(await uow.run(write('a').map(String))).toBe('1')
    expect(driver.journal).toEqual(['acquire', ['a'], ['commit'], 'discard'])
    expect(driver.discarded[0]?.message).toMatch(/completion_type/)
  })

  test('that is ended a second time says where it ended first', async () => {
    const driver = driverWith((connection) => ({
      release() {
        connection.release()
        throw new Error('bug in release')
      },
    }))
    const error = await failureOf(createUnitOfWork({ driver }).run(write('a')))
    expect(error).toBeInstanceOf(UsageError)
    expect((error as Error).message).toMatch(/ended after its end: connection 1 was released after COMMIT/)
    expect(driver.journal).toEqual(['acquire', ['a', 'commit'], 'release'])
  })
})
