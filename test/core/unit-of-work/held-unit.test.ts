/** Units that are held by hand. */
import { DeadlineError, UsageError } from '@leasehold/core'
import { refusal } from '@leasehold/core/testing'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { failureOf, read, record, write } from '../support/unit.ts'
import { collectUntil } from '../support/garbage.ts'

test('a held unit runs queries in one transaction, and commits', async () => {
  const { uow, driver } = record()
  const unit = await uow.begin()
  expect(driver.journal).toEqual([])
  expect(await unit(write('a'))).toBe(1)
  expect(await unit.all([write('b'), read('c')])).toEqual([1, []])
  await unit.commit()
  expect(driver.journal).toEqual(['acquire', ['a'], ['b', 'c'], ['commit'], 'release'])
})

describe('a scope with await using', () => {
  test('rolls back without commit', async () => {
    const { uow, driver } = record()
    {
      await using unit = await uow.begin()
      await unit(write('a'))
    }
    expect(driver.journal).toEqual(['acquire', ['a'], ['rollback'], 'release'])
  })

  test('rolls back when it throws, and the error comes out, also if ROLLBACK fails', async () => {
    const mine = new Error('mine')
    for (const script of [{}, { answers: { rollback: refusal() } }, { lost: { flight: 2, sent: true } }]) {
      const { uow, driver } = record(script)
      const scope = async () => {
        await using unit = await uow.begin()
        await unit(write('a'))
        throw mine
      }
      expect(await failureOf(scope())).toBe(mine)
      expect(driver.commits).toBe(0)
    }
  })

  test('does nothing more after commit', async () => {
    const { uow, driver } = record()
    {
      await using unit = await uow.begin()
      await unit(write('a'))
      await unit.commit()
    }
    expect(driver.journal).toEqual(['acquire', ['a'], ['commit'], 'release'])
  })

  test('waits for a commit on its way', async () => {
    const { uow, driver } = record()
    {
      await using unit = await uow.begin()
      await unit(write('a'))
      void unit.commit()
    }
    expect(driver.journal.at(-1)).toBe('release')
    expect(driver.commits).toBe(1)
  })
})

describe('a held unit that has ended says how and when', () => {
  const uses = [
    ['a query', (unit: Held) => unit(write('b'))],
    ['all', (unit: Held) => unit.all([write('b')])],
    [
      'stream',
      (unit: Held) =>
        (async () => {
          for await (const _ of unit.stream(read('b'))) break
        })(),
    ],
    ['commit', (unit: Held) => unit.commit()],
    ['rollback', (unit: Held) => unit.rollback()],
  ] as const

  test.each(uses)('to %s', async (_, use) => {
    const { uow } = record()
    const ends = [
      [(unit: Held) => unit.commit(), 'committed'],
      [(unit: Held) => unit.rollback(), 'rolled back'],
    ] as const
    for (const [end, how] of ends) {
      const unit = await uow.begin({ label: 'import' })
      await end(unit)
      const error = await failureOf(use(unit))
      expect(error).toBeInstanceOf(UsageError)
      expect((error as Error).message).toMatch(
        new RegExp(
          `^unit \\d+ \\(import\\) was used after its end: it was ${how} \\d+ ms ago; begin another one$`,
        ),
      )
    }
  })
})

type Held = Awaited<ReturnType<ReturnType<typeof record>['uow']['begin']>>

describe('a held unit that fails', () => {
  test('rejects the query, and commit with the same failure', async () => {
    const { uow, driver } = record({ answers: { a: refusal('duplicate-key') } })
    const unit = await uow.begin()
    const failure = await failureOf(unit(write('a')))
    expect(failure).toMatchObject({ kind: 'duplicate-key' })
    expect(await failureOf(unit(write('b')))).toMatchObject({ name: 'UsageError', cause: failure })
    expect(await failureOf(unit.commit())).toBe(failure)
    expect(driver.commits).toBe(0)
    expect(driver.journal.at(-1)).toBe('release')
  })

  test('at COMMIT tells that', async () => {
    const { uow } = record({ answers: { commit: refusal('deadlock') } })
    const unit = await uow.begin()
    await unit(write('a'))
    expect(await failureOf(unit.commit())).toMatchObject({ kind: 'deadlock' })
    expect(await failureOf(unit.commit())).toMatchObject({ name: 'UsageError', cause: { kind: 'deadlock' } })
  })

  test('at its deadline is rolled back, and says so', async () => {
    const { uow, driver } = record()
    const unit = await uow.begin({ timeout: 30 })
    await unit(write('a'))
    await sleep(60)
    expect(driver.journal).toEqual(['acquire', ['a'], ['rollback'], 'release'])
    const error = await failureOf(unit.commit())
    expect(error).toMatchObject({
      name: 'UsageError',
      message: expect.stringContaining('rolled back') as string,
    })
    expect((error as Error).cause).toBeInstanceOf(DeadlineError)
    await unit[Symbol.asyncDispose]()
  })

  test('to begin rejects', async () => {
    const { uow } = record()
    expect(await failureOf(uow.begin({ retry: true } as never))).toMatchObject({
      name: 'UsageError',
      message: expect.stringContaining('begin: unknown option retry') as string,
    })
    expect(await failureOf(uow.begin({ outcomeKey: 'a' } as never))).toBeInstanceOf(UsageError)
    expect(await failureOf(uow.run(() => uow.begin()))).toBeInstanceOf(UsageError)
  })
})

test('a held unit that only reads refuses writes', async () => {
  const { uow } = record()
  await using unit = await uow.begin({ accessMode: 'read only' })
  expect(await unit(read('a'))).toEqual([])
  expect(await failureOf(unit(write('b') as never))).toBeInstanceOf(UsageError)
})

test('a held unit whose handle is lost is rolled back, and reported with the place of begin', async () => {
  const { uow, driver } = record()
  const warned = new Promise<Error & { readonly detail?: string }>((resolve) => {
    process.once('warning', (warning) => resolve(warning))
  })
  await (async function holder() {
    const unit = await uow.begin({ label: 'lost' })
    await unit(write('a'))
  })()
  await collectUntil(() => driver.journal.at(-1) === 'release')
  expect(driver.journal).toEqual(['acquire', ['a'], ['rollback'], 'release'])
  const warning = await warned
  expect(warning.message).toMatch(/^unit \d+ \(lost\) was begun and never ended/)
  expect(warning.detail).toContain('held-unit.test.ts')
})
