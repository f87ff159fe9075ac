/** Times that no timer of Node's can wait for: it would fire at once. */
import { createUnitOfWork, UsageError } from '@leasehold/core'
import { RecordingDriver, refusal } from '@leasehold/core/testing'
import { describe, expect, test } from 'vitest'
import { failureOf, record, write } from '../support/unit.ts'

const NO_NUMBERS = ['5000', '', null, true, [], 5n] as unknown[] as number[]

describe.each([2 ** 31, 2 ** 40, Number.POSITIVE_INFINITY, Number.NaN, -1, ...NO_NUMBERS])(
  '%o milliseconds',
  (time) => {
    test('are no timeout', async () => {
      const { uow, driver } = record()
      const failure = await failureOf(uow.run(write('a'), { timeout: time }))
      expect(failure).toBeInstanceOf(UsageError)
      expect(failure).toHaveProperty('message', expect.stringContaining(`timeout: expected milliseconds`))
      expect(driver.journal).toEqual([])
    })

    test('are no time to report a lease after', () => {
      const driver = new RecordingDriver()
      expect(() => createUnitOfWork({ driver, leakAfter: time })).toThrow(UsageError)
    })

    test('are no pause before another attempt', async () => {
      const { uow, driver } = record({ answers: { a: refusal('deadlock') } })
      const failure = await failureOf(uow.run(write('a'), { retry: { backoff: () => time } }))
      expect(failure).toBeInstanceOf(UsageError)
      expect(failure).toHaveProperty('message', expect.stringContaining('retry.backoff(2)'))
      expect(driver.sent.filter((name) => name === 'a')).toHaveLength(1)
    })
  },
)

test('the longest that a timer can wait for is taken', async () => {
  const longest = 2 ** 31 - 1
  const { uow } = record({}, { leakAfter: longest })
  expect(await uow.run(write('a'), { timeout: longest })).toBe(1)
})

test.each(['abort', null, true, {}, { aborted: true }])('%o is no signal', async (signal) => {
  const { uow, driver } = record()
  const failure = await failureOf(uow.run(write('a'), { signal: signal as AbortSignal }))
  expect(failure).toBeInstanceOf(UsageError)
  expect(failure).toHaveProperty('message', expect.stringContaining('signal: expected an AbortSignal'))
  expect(driver.journal).toEqual([])
})

test('an option given as undefined is one that is not given', async () => {
  const { uow } = record({}, { leakAfter: undefined, onHookError: undefined, warnUnused: undefined })
  const retry = { attempts: undefined, backoff: undefined, lockTimeouts: undefined }
  const value = uow.run(write('a'), {
    timeout: undefined,
    signal: undefined,
    label: undefined,
    outcomeKey: undefined,
    isolationLevel: undefined,
    retry,
  })
  expect(await value).toBe(1)
})

test('what a backoff throws comes out', async () => {
  const wrong = new Error('no more')
  const { uow } = record({ answers: { a: refusal('deadlock') } })
  const backoff = () => {
    throw wrong
  }
  expect(await failureOf(uow.run(write('a'), { retry: { backoff } }))).toBe(wrong)
})
