import { all } from '@leasehold/core'
import { chooseSeed } from '@leasehold/test-support/seed'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Call, refusal, type RecordingDriver, type Reply, type Script } from '@leasehold/core/testing'
import { name, queryOf, type Tree, tree } from '../support/trees.ts'
import { failureOf, raw, read, record, write } from '../support/unit.ts'

describe('a connection that takes one command at a time', () => {
  test('gets the same commands in the same order', async () => {
    const query = all([write('a').andThen(() => write('d')), raw('b'), write('c')])
    const { uow, driver } = record({ pipelining: false })
    await uow.run(query)
    expect(driver.journal).toEqual([
      'acquire',
      ['a'],
      ['savepoint'],
      ['b'],
      ['release'],
      ['c'],
      ['d'],
      ['commit'],
      'release',
    ])
  })

  test('gets nothing behind a command that failed', async () => {
    const { uow, driver } = record({ pipelining: false, answers: { b: refusal() } })
    expect(await failureOf(uow.run(all([write('a'), write('b'), write('c')])))).toMatchObject({ label: 'b' })
    expect(driver.journal).toEqual(['acquire', ['a'], ['b'], ['rollback'], 'release'])
  })

  test('gets COMMIT only behind what succeeded', async () => {
    const failing = record({ pipelining: false, answers: { a: refusal() } })
    await failureOf(failing.uow.run(write('a')))
    expect(failing.driver.journal).toEqual(['acquire', ['a'], ['rollback'], 'release'])
    const { uow, driver } = record({ pipelining: false })
    await uow.run(write('a'))
    expect(driver.journal).toEqual(['acquire', ['a'], ['commit'], 'release'])
  })

  test('gets nothing behind a BEGIN that was refused', async () => {
    const { uow, driver } = record({ pipelining: false, answers: { begin: refusal() } })
    await failureOf(uow.read(all([read('a'), read('b')])))
    expect(driver.journal).toEqual(['acquire', ['begin'], 'discard'])
  })
})

interface Ran {
  readonly outcome: string
  readonly driver: RecordingDriver
}

async function run(tree: Tree, script: Script, asBody: boolean): Promise<Ran> {
  const { uow, driver } = record(script)
  const query = queryOf(tree)
  const outcome = await (asBody ? uow.run((q) => q(query)) : uow.run(query)).then(
    (value) => `value ${JSON.stringify(value)}`,
    (error: unknown) => `error ${String(error)}`,
  )
  return { outcome, driver }
}

/** Names up to the first failure: with pipelining, what is behind it may have been on the wire already. */
function effective(driver: RecordingDriver, failing: ReadonlySet<string>): readonly string[] {
  const names = driver.sent
  const first = names.findIndex((each) => failing.has(each))
  return names
    .slice(0, first === -1 ? names.length : first + 1)
    .filter((each) => each !== 'commit' && each !== 'rollback')
}

const delay = () => Promise.resolve()

test('with and without pipelining, the statements, results and errors are the same', async () => {
  const refusedNames = fc.uniqueArray(name, { maxLength: 2 })
  const property = fc.asyncProperty(
    tree,
    refusedNames,
    fc.boolean(),
    fc.boolean(),
    async (tree, refused, asBody, carriesOn) => {
      const rows: Readonly<Record<string, Reply>> = { s1: [{ id: 1 }], s2: [{ id: 1 }, { id: 2 }] }
      const answers = ({ name, sql }: Call): Reply | undefined => {
        if (refused.includes(name)) return refusal()
        return sql.startsWith('update') ? undefined : rows[name]
      }
      const together = await run(tree, { answers, delay, carriesOn }, asBody)
      const oneByOne = await run(tree, { answers, delay, pipelining: false }, asBody)
      expect(oneByOne.outcome).toBe(together.outcome)
      const failing = new Set(refused)
      expect(effective(oneByOne.driver, failing)).toEqual(effective(together.driver, failing))
      for (const { driver, outcome } of [together, oneByOne]) assertSound(driver, outcome)
    },
  )
  await fc.assert(property, { numRuns: 1_000, seed: chooseSeed() })
})

/** What holds for every unit, whatever it runs. */
function assertSound({ journal, flights, sent }: RecordingDriver, outcome: string): void {
  const ends = journal.filter((entry) => !Array.isArray(entry))
  expect(ends).toEqual(journal.length === 0 ? [] : ['acquire', 'release'])
  expect([journal[0], journal.at(-1)]).toEqual([ends[0], ends[1]])

  const commits = sent.filter((each) => each === 'commit').length
  const rollbacks = sent.filter((each) => each === 'rollback').length
  const statements = flights.flat().filter((command) => 'statement' in command)
  const changes = statements.some(
    ({ statement }) => statement.kind === 'write' || statement.kind === 'unknown',
  )
  const ended = commits + rollbacks > 0
  const succeeded = outcome.startsWith('value')
  // What failed is not committed, except for what only read, and for a lone statement that is its own undoing.
  const mayBeCommitted = succeeded || !changes || statements.length === 1
  expect({
    ended,
    rolledBack: rollbacks > 0 && succeeded,
    committed: commits > 0 && !mayBeCommitted,
  }).toEqual({
    ended: journal.length > 0,
    rolledBack: false,
    committed: false,
  })
}
