import { affected, all, attempt, defineRepository, inserted, many, maybeOne, program } from '@leasehold/core'
import { checkRepository, recordFlights } from '@leasehold/core/testing'
import { mysqlBuilder } from '@leasehold/mysql'
import { commandOf, startRecordingProxy } from '@leasehold/test-support/recording-proxy'
import { sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { accounts, UNTOUCHED, useFixture } from '../support/fixture.ts'

/** What the application believes, and the server does not know. */
const db = mysqlBuilder<{
  accounts: { id: number; nickname: string; cents: number }
  ledgers: { id: number }
}>()

const drifted = defineRepository('drifted', {
  fine: (id: number) => maybeOne(db.selectFrom('accounts').select('cents').where('id', '=', id)),
  column: (name: string) => many(db.selectFrom('accounts').select('id').where('nickname', '=', name)),
  table: () => many(db.selectFrom('ledgers').selectAll()),
  update: (name: string) => affected(db.updateTable('accounts').set({ nickname: name })),
  insert: (name: string) => inserted(db.insertInto('accounts').values({ id: 1, nickname: name, cents: 1 })),
  remove: () => affected(db.deleteFrom('ledgers')),
  builder: () => db.selectFrom('accounts').select('nickname'),
  raw: () => many(sql`select nickname from accounts`.compile(db)),
  grammar: () => many(sql`selekt 1`.compile(db)),
  control: () => many(sql`commit`.compile(db)),
  unpreparable: () => many(sql`prepare another from 'select 1'`.compile(db)),
  later: (id: number) =>
    program(function* () {
      const account = yield* drifted.fine(id)
      if (account !== undefined) yield* attempt(drifted.column('Ann'))
    }),
})

const fixture = useFixture()
beforeEach(() => fixture.restore())

describe.each([true, false])('pipeline: %s', (pipeline) => {
  test('what the server does not know is found, and nothing is run', async () => {
    const uow = fixture.uow({ pipeline, pool: { max: 1 } })
    const findings = await checkRepository(drifted, uow, {
      fine: [1],
      column: ['Ann'],
      update: ['Ann'],
      insert: ['Ann'],
      later: [1],
    })
    expect(findings.map(({ label, error }) => [label, (error as { kind?: string }).kind])).toEqual([
      ['drifted.column', 'unknown-name'],
      ['drifted.table', 'unknown-name'],
      ['drifted.update', 'unknown-name'],
      ['drifted.insert', 'unknown-name'],
      ['drifted.remove', 'unknown-name'],
      ['builder', 'unknown-name'],
      ['drifted.raw', 'unknown-name'],
      ['drifted.grammar', 'syntax'],
      ['drifted.control', undefined],
    ])
    expect(findings[0]?.error).toMatchObject({
      label: 'drifted.column',
      sql: 'select `id` from `accounts` where `nickname` = ?',
    })
    expect(String(findings[8]?.error)).toContain("COMMIT can't be run inside of a unit")
    expect(await fixture.balances()).toEqual(UNTOUCHED)
  })

  test('no statement is left prepared', async () => {
    const proxy = await startRecordingProxy({ target: fixture.server })
    const uow = fixture.uow({ pipeline, host: proxy.host, port: proxy.port })
    await uow.check(all([drifted.fine(1), drifted.column('Ann'), drifted.fine(2)]))
    await uow.run(accounts.byId(1))
    const commands = proxy.conversations.flatMap(({ packets }) =>
      packets.map((packet) => commandOf(packet)?.name),
    )
    const count = (name: string): number => commands.filter((each) => each === name).length
    expect([count('COM_STMT_PREPARE'), count('COM_STMT_CLOSE')]).toEqual([3, 2])
    await uow.close()
    await proxy.stop()
  })

  test('a repository that fits has no findings, locks nothing and fits again', async () => {
    const uow = fixture.uow({ pipeline })
    const samples = { byId: [1], find: [1], lock: [1], open: ['new', 1], add: [99, 1] } as const
    expect(await checkRepository(accounts, uow, samples)).toEqual([])
    expect(await checkRepository(accounts, uow, samples)).toEqual([])
    expect(await uow.run(accounts.add(1, 5))).toBe(1)
  })

  test('programs are checked as far as the answers lead', async () => {
    const uow = fixture.uow({ pipeline })
    const { value } = await recordFlights(() => uow.check(drifted.later(1), { 'drifted.fine': { cents: 1 } }))
    expect(value.map(({ label, error }) => [label, error !== undefined])).toEqual([
      ['drifted.fine', false],
      ['drifted.column', true],
    ])
  })
})
