/** Units that are held by hand. */
import { afterCommit, afterRollback, createUnitOfWork, DeadlineError, UsageError } from '@leasehold/core'
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
  ] as const

  test('to rollback, after COMMIT only', async () => {
    const { uow } = record()
    const unit = await uow.begin()
    await unit.commit()
    expect(((await failureOf(unit.rollback())) as Error).message).toMatch(/it was committed \d+ ms ago/)
    const other = await uow.begin()
    await other.rollback()
    await other.rollback()
  })

  test('by its own hooks', async () => {
    const { uow, driver } = record()
    const unit = await uow.begin()
    await unit(write('a').andThen(() => afterCommit(() => unit[Symbol.asyncDispose]())))
    await unit.commit()
    const other = await uow.begin()
    await other(write('a').andThen(() => afterRollback(() => other.rollback())))
    await other.rollback()
    expect(driver.journal.filter((entry) => entry === 'release')).toHaveLength(2)
  })

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
    expect(await failureOf(unit.commit())).toMatchObject({ kind: 'deadlock' })
    await unit.rollback()
    expect(await failureOf(unit(write('b')))).toMatchObject({
      name: 'UsageError',
      cause: { kind: 'deadlock' },
    })
  })

  test('at its deadline is rolled back, and says so', async () => {
    const { uow, driver } = record()
    const unit = await uow.begin({ timeout: 30 })
    await unit(write('a'))
    await sleep(60)
    expect(driver.journal).toEqual(['acquire', ['a'], ['rollback'], 'release'])
    expect(await failureOf(unit.commit())).toBeInstanceOf(DeadlineError)
    expect(await failureOf(unit(write('b')))).toMatchObject({ cause: expect.any(DeadlineError) as Error })
    await unit.rollback()
    await unit[Symbol.asyncDispose]()
  })

  test('is rolled back before its query rejects', async () => {
    const { uow, driver } = record({ answers: { a: refusal('duplicate-key') } })
    const unit = await uow.begin()
    await failureOf(unit(write('a')))
    expect(driver.journal).toEqual(['acquire', ['a'], ['rollback'], 'release'])
  })

  test.each(['a', 'commit'])('keeps its error in code that rolls back when it catches, at %s', async (at) => {
    const { uow } = record({ answers: { [at]: refusal('deadlock') } })
    const legacy = async (): Promise<void> => {
      const unit = await uow.begin()
      try {
        await unit(write('a'))
        await unit.commit()
      } catch (error) {
        await unit.rollback()
        throw error
      }
    }
    expect(await failureOf(legacy())).toMatchObject({ kind: 'deadlock' })
  })

  test('while a stream is taken is rolled back, and the loop throws its failure', async () => {
    const { uow, driver } = record({ answers: { a: refusal('statement-timeout') } })
    const unit = await uow.begin()
    const loop = async (): Promise<void> => {
      for await (const _ of unit.stream(read('a'))) break
    }
    expect(await failureOf(loop())).toMatchObject({ kind: 'statement-timeout' })
    expect(driver.journal.slice(-1)).toEqual(['release'])
    expect(await failureOf(unit.commit())).toMatchObject({ kind: 'statement-timeout' })
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

test('any function of a held unit holds it', async () => {
  const { uow, driver } = record()
  const { commit } = await (async () => {
    const unit = await uow.begin()
    await unit(write('a'))
    // oxlint-disable-next-line typescript/unbound-method -- what is taken apart still holds the unit
    return { commit: unit.commit }
  })()
  await collectUntil(() => driver.journal.at(-1) === 'release')
  await commit()
  expect(driver.sent).toEqual(['a', 'commit'])
})

test('a rollback ends the wait for a connection', async () => {
  const { driver } = record()
  driver.acquire = (signal?: AbortSignal) =>
    new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(new Error('aborted')))
    })
  const unit = await createUnitOfWork({ driver }).begin()
  const waiting = failureOf(unit(write('a')))
  await unit.rollback()
  expect(await waiting).toMatchObject({
    cause: { message: expect.stringContaining('by its holder') as string },
  })
})

describe('in a sandbox', () => {
  test('a held unit is rolled back when the sandbox ends, and reported', async () => {
    const { uow, driver } = record()
    const warned = new Promise<Error>((resolve) => process.once('warning', resolve))
    await uow.sandbox(async (_, sandboxed) => {
      const unit = await sandboxed.begin({ label: 'lost' })
      await unit(write('a'))
    })
    expect((await warned).message).toMatch(/^unit \d+ \(lost\) was begun and never ended/)
    expect(driver.journal.at(-1)).toBe('release')
  })

  test('all else is refused while a unit is held', async () => {
    const { uow } = record()
    await uow.sandbox(async (q, sandboxed) => {
      await using unit = await sandboxed.begin({ label: 'held' })
      await unit(write('a'))
      for (const use of [sandboxed.run(write('b')), q(write('b')), q.all([write('b')]), sandboxed.begin()]) {
        expect(((await failureOf(use)) as Error).message).toMatch(
          /while unit \d+ \(held\) holds its only connection/,
        )
      }
      await unit.commit()
      await sandboxed.run(write('c'))
    })
  })
})
