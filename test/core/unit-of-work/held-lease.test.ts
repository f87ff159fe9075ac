/** Leases: one lease for several units, in turn, and what is refused. */
import { setTimeout as sleep } from 'node:timers/promises'
import { createUnitOfWork, type HeldLease } from '@leasehold/core'
import { describe, expect, test } from 'vitest'
import { RecordingDriver } from '@leasehold/core/testing'
import { failureOf as reasonOf, read, record, write } from '../support/unit.ts'
import { collectUntil } from '../support/garbage.ts'

const failureOf = async (promise: Promise<unknown>): Promise<Error> => (await reasonOf(promise)) as Error

test('a lease is acquired and released once, whatever runs on it', async () => {
  const { uow, driver } = record()
  {
    await using lease = await uow.lease()
    await lease.run(write('a'))
    await lease.run(() => Promise.reject(new Error('mine'))).catch(() => {})
    await lease.read(read('b'))
  }
  expect(driver.journal).toEqual(['acquire', ['a', 'commit'], ['b'], 'release'])
})

test('units wait for their turn', async () => {
  const { uow, driver } = record()
  await using lease = await uow.lease()
  const [first, second] = [Promise.withResolvers<void>(), lease]
  const one = lease.run(async (q) => {
    await q(write('a'))
    await first.promise
    await q(write('b'))
  })
  const two = second.run(write('c'))
  await sleep(10)
  expect(driver.sent).toEqual(['a'])
  first.resolve()
  await Promise.all([one, two])
  expect(driver.sent).toEqual(['a', 'b', 'commit', 'c', 'commit'])
})

test('a unit that is stopped while it waits for its turn does not wait for it', async () => {
  const { uow, driver } = record()
  await using lease = await uow.lease()
  const first = Promise.withResolvers<void>()
  const one = lease.run(async (q) => {
    await q(write('a'))
    await first.promise
  })
  const error = await failureOf(lease.run(write('b'), { timeout: 10 }))
  expect(error.name).toBe('DeadlineError')
  first.resolve()
  await one
  expect(driver.sent).toEqual(['a', 'commit'])
})

test('closing refuses further units, and waits for those that run', async () => {
  const { uow, driver } = record()
  const lease = await uow.lease({ label: 'nightly' })
  const running = lease.run(write('a'))
  const closing = lease.close()
  const error = await failureOf(lease.run(write('b')))
  expect(error.message).toMatch(/^lease \d+ \(nightly\) was used after its end: it was closed \d+ ms ago/)
  await Promise.all([running, closing, lease.close()])
  expect(driver.journal).toEqual(['acquire', ['a', 'commit'], 'release'])
})

test('locks that were not released are released at the end', async () => {
  const answers = { 'take lock one': [{ granted: 1 }], 'take lock two': [{ granted: 1 }] }
  const { uow, driver } = record({ answers })
  const lease = await uow.lease()
  await lease.lock('one')
  await lease.lock('two')
  await lease.close()
  expect(driver.journal.slice(-3)).toEqual([
    ['release of lock one', 'release of lock two'],
    ['rollback'],
    'release',
  ])
})

test('a lock that may have been given when the lease was stopped is released at its end', async () => {
  const controller = new AbortController()
  const { uow, driver } = record({ delay: (flight) => (flight === 1 ? sleep(20) : Promise.resolve()) })
  const lease = await uow.lease({ signal: controller.signal })
  const taking = failureOf(lease.lock('one', { wait: 5_000 }))
  controller.abort()
  expect((await taking).name).toBe('DeadlineError')
  await lease.close()
  expect(driver.sent).toContain('release of lock one')
})

test('a lease whose last flight fails is discarded', async () => {
  const { uow, driver } = record({
    answers: { 'take lock one': [{ granted: 1 }] },
    lost: { flight: 2, sent: true },
  })
  const lease = await uow.lease()
  await lease.lock('one')
  await lease.close()
  expect(driver.journal.at(-1)).toBe('discard')
})

describe('refused are', () => {
  const bad = async (work: (lease: HeldLease) => Promise<unknown>): Promise<string> => {
    const driver = new RecordingDriver({ answers: { rows: [{ id: 1, name: 'Ann', cents: 1 }] } })
    await using lease = await createUnitOfWork({ driver }).lease({ label: 'nightly' })
    const error = await failureOf(work(lease))
    expect(error.name).toBe('UsageError')
    expect(driver.sent).not.toContain('b')
    return error.message
  }

  test('a unit beside one that is held', async () => {
    const message = await bad(async (lease) => {
      await using unit = await lease.begin({ label: 'held' })
      await unit(write('a'))
      await lease.run(write('b'))
    })
    expect(message).toMatch(
      /^lease \d+ \(nightly\) was used while unit \d+ \(held\) holds its only connection: end/,
    )
  })

  test('a unit in the loop of a stream', async () => {
    const message = await bad(async (lease) => {
      for await (const _ of lease.stream(read('rows'))) await lease.run(write('b'))
    })
    expect(message).toMatch(/holds its only connection/)
  })

  test('a lease of a lease', async () => {
    expect(await bad((lease) => lease.lease())).toMatch(
      /^lease was called on lease \d+ \(nightly\), which is one/,
    )
  })

  test('a unit, a lock, native and the end of the lease inside of its unit', async () => {
    for (const use of [
      (lease: HeldLease) => lease.run(write('b')),
      (lease: HeldLease) => lease.lock('b'),
      (lease: HeldLease) => lease.native(() => Promise.resolve()),
      (lease: HeldLease) => lease.close(),
    ]) {
      expect(await bad((lease) => lease.run(async (): Promise<unknown> => use(lease)))).toMatch(
        /inside a unit/,
      )
    }
  })

  test('a lease inside of a unit', async () => {
    const { uow, driver } = record()
    const error = await failureOf(uow.run(() => uow.lease()))
    expect(error.message).toMatch(/inside a unit/)
    expect(driver.journal).toEqual([])
  })

  test.each([
    ['', 'got 0 characters'],
    ['x'.repeat(65), 'got 65 characters'],
    ['\ud83d', 'half a surrogate pair'],
    [7, 'got number'],
    [null, 'got null'],
  ])('the lock name %j', async (name, problem) => {
    expect(await bad((lease) => lease.lock(name as string))).toContain(problem)
  })

  test('a lock that the lease has, an unknown option, and a wait that is no time', async () => {
    const { uow } = record({ answers: { 'take lock one': [{ granted: 1 }] } })
    await using lease = await uow.lease()
    await lease.lock('one')
    expect((await failureOf(lease.lock('one'))).message).toContain('has the lock one already')
    expect((await failureOf(lease.lock('two', { wait: -1 }))).message).toContain(
      'wait: expected milliseconds',
    )
    const misspelt = { wiat: 1 } as object
    expect((await failureOf(lease.lock('two', misspelt))).message).toContain('lock: unknown option wiat')
    expect((await failureOf(uow.lease(misspelt))).message).toContain('lease: unknown option wiat')
    expect((await failureOf(uow.lease({ signal: 5 as never }))).message).toContain('signal: expected')
  })

  test('native where the driver has no connection to lend', async () => {
    expect(await bad((lease) => lease.native(() => Promise.resolve()))).toMatch(/^native: the driver/)
  })
})

test('a wait for the connection ends with the signal', async () => {
  const { driver } = record()
  driver.acquire = (signal?: AbortSignal) =>
    new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(new Error('aborted')))
    })
  const uow = createUnitOfWork({ driver })
  const error = await failureOf(uow.lease({ label: 'nightly', signal: AbortSignal.timeout(10) }))
  expect(error.message).toMatch(
    /^lease \d+ \(nightly\) was aborted by its signal while it waited for a connection/,
  )
})

test('a lease that is held for long is reported', async () => {
  const driver = new RecordingDriver()
  const warned = new Promise<Error & { detail?: string }>((resolve) => process.once('warning', resolve))
  await using lease = await createUnitOfWork({ driver, leakAfter: 5 }).lease({ label: 'nightly' })
  const warning = await warned
  expect(warning.message).toMatch(/^possible connection leak: lease \d+ \(nightly\) has held connection 1/)
  expect(warning.detail).toContain('held-lease.test.ts')
  await lease.run(write('a'))
})

test('a lease that is garbage-collected is given back and reported', async () => {
  const { uow, driver } = record()
  const warned = new Promise<Error & { detail?: string }>((resolve) => process.once('warning', resolve))
  await (async () => {
    const lease = await uow.lease({ label: 'lost' })
    await lease.run(write('a'))
  })()
  await collectUntil(() => driver.journal.at(-1) === 'release')
  expect(driver.journal).toEqual(['acquire', ['a', 'commit'], 'release'])
  const warning = await warned
  expect(warning.message).toMatch(/^lease \d+ \(lost\) was never given back/)
  expect(warning.detail).toContain('held-lease.test.ts')
})
