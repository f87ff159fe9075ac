import { type Page, ResultError, tableRepository, UsageError } from '@leasehold/core'
import { mysqlBuilder } from '@leasehold/mysql'
import { CamelCasePlugin, sql } from 'kysely'
import { beforeEach, describe, expect, test } from 'vitest'
import { db, files, lines, people, useTables } from './support/tables.ts'

const fixture = useTables()

/** People 1 to 60, of whom many share a name and many their cents. */
const PEOPLE = Array.from({ length: 60 }, (_, index) => ({
  email: `${index}@x`,
  name: ['ann', 'Bo', 'ann', 'Çelik', 'zoë', "d'Arc\\"][(index * 7) % 6] ?? '',
  cents: (index * 13) % 9,
}))

beforeEach(async () => {
  await fixture.unit.run(people.insertMany(PEOPLE))
})

describe('rows', () => {
  test('are found by their keys', async () => {
    const { unit } = fixture
    expect(await unit.run(people.byId(7))).toMatchObject({ id: 7, email: '6@x' })
    expect(await unit.run(people.find(404))).toBeUndefined()
    await expect(unit.run(people.byId(404))).rejects.toThrow(
      'people.byId: expected exactly one row, got none',
    )
    const own = new Error('nobody')
    await expect(unit.run(people.byId(404, { orElse: () => own }))).rejects.toBe(own)
    const rows = await unit.run(people.byIds([9, 3, 404, 3]))
    expect(rows.map(({ id }) => id).sort((a, b) => a - b)).toEqual([3, 9])
    expect(await unit.run(people.byIds([]))).toEqual([])
  })

  test('are found by keys of several columns', async () => {
    const { unit } = fixture
    const rows = [1, 2, 3].flatMap((orderId) =>
      [1, 2].map((line) => ({ orderId, line, text: `${orderId}/${line}` })),
    )
    await unit.run(lines.insertMany(rows))
    expect(await unit.run(lines.byId({ orderId: 2, line: 1 }))).toEqual({ orderId: 2, line: 1, text: '2/1' })
    const some = [
      { orderId: 1, line: 2 },
      { orderId: 3, line: 1 },
      { orderId: 3, line: 9 },
    ]
    const found = await unit.run(lines.byIds(some))
    expect(found.map(({ text }) => text).sort()).toEqual(['1/2', '3/1'])
  })

  test('are listed, counted and looked for', async () => {
    const { unit } = fixture
    const where = (
      eb: Parameters<NonNullable<NonNullable<Parameters<typeof people.count>[0]>['where']>>[0],
    ) => eb('cents', '=', 4)
    const ids = PEOPLE.flatMap(({ cents }, index) => (cents === 4 ? index + 1 : []))
    const rows = await unit.run(people.list({ where, orderBy: [['id', 'desc']] }))
    expect(rows.map(({ id }) => id)).toEqual(ids.toReversed())
    expect(await unit.run(people.list({ limit: 2, orderBy: ['id'] }))).toHaveLength(2)
    expect(await unit.run(people.count({ where }))).toBe(ids.length)
    expect(await unit.run(people.count())).toBe(60)
    expect(await unit.run(people.exists({ where }))).toBe(true)
    expect(await unit.run(people.exists({ where: (eb) => eb('cents', '=', 99) }))).toBe(false)
  })

  test('are counted as numbers, whatever bigints are', async () => {
    expect(await fixture.uow({ bigints: 'bigint' }).run(people.count())).toBe(60)
    expect(await fixture.uow({ bigints: 'string' }).run(people.count())).toBe(60)
  })

  test('are read in one flight with COMMIT', async () => {
    const query = people.page({ limit: 5 })
    const flights: number[] = []
    const { tracingChannel } = await import('node:diagnostics_channel')
    const channel = tracingChannel<unknown, { flights: number }>('leasehold:unit')
    const subscriber = { asyncEnd: (event: { flights: number }) => void flights.push(event.flights) }
    channel.subscribe(subscriber as never)
    try {
      await fixture.unit.run(query)
    } finally {
      channel.unsubscribe(subscriber as never)
    }
    expect(flights).toEqual([1])
  })
})

type Row = { readonly id: number }
type Options = Omit<Parameters<typeof people.page>[0], 'after' | 'before'>

/** All pages of an order, from the first, or from the last when `backwards`. */
async function walk(options: Options, last?: string): Promise<{ ids: number[]; pages: Page<Row>[] }> {
  const pages: Page<Row>[] = []
  let cursor = last
  do {
    const page: Page<Row> = await fixture.unit.run(
      people.page(last === undefined ? { ...options, after: cursor } : { ...options, before: cursor }),
    )
    pages.push(page)
    cursor = last === undefined ? page.next : page.previous
  } while (cursor !== undefined && pages.length < 100)
  if (last !== undefined) pages.reverse()
  return { ids: pages.flatMap(({ rows }) => rows.map(({ id }) => id)), pages }
}

describe('pages', () => {
  const orders = [
    [[], 'id'],
    [['name'], 'name, id'],
    [[['name', 'desc']], 'name desc, id desc'],
    [['name', ['cents', 'desc']], 'name, cents desc, id desc'],
    [[['cents', 'desc'], 'name', ['id', 'desc']], 'cents desc, name, id desc'],
    [['id'], 'id'],
    [['createdAt', 'email'], 'created_at, email, id'],
  ] as const

  test.each(orders)('in the order %j give every row once, there and back', async (orderBy, sql) => {
    const stored = await fixture.stored<Row>(`select id from people order by ${sql}`)
    const expected = stored.map(({ id }) => id)
    for (const limit of [1, 7, 20, 59, 60, 61]) {
      const there = await walk({ orderBy, limit })
      expect(there.ids).toEqual(expected)
      expect(there.pages[0]?.previous).toBeUndefined()
      expect(there.pages).toHaveLength(Math.ceil(60 / limit))
      const last = there.pages.at(-1)
      expect(last?.next).toBeUndefined()
      if (last?.previous === undefined) continue
      const back = await walk({ orderBy, limit }, last.previous)
      expect([...back.ids, ...last.rows.map(({ id }) => id)]).toEqual(expected)
      expect(back.pages[0]?.previous).toBeUndefined()
      expect(back.pages.every(({ next }) => next !== undefined)).toBe(true)
    }
  })

  test('are of the rows that a filter lets through', async () => {
    const ids = PEOPLE.flatMap(({ cents }, index) => (cents > 4 ? index + 1 : []))
    const { ids: found } = await walk({
      limit: 4,
      where: (eb) => eb.or([eb('cents', '>', 6), eb('cents', 'in', [5, 6])]),
    })
    expect(found).toEqual(ids)
  })

  test('neither repeat nor miss a row when others come and go', async () => {
    const { unit } = fixture
    const first = await unit.run(people.page({ limit: 10 }))
    await unit.run(people.delete({ id: 10, version: 1 }))
    await unit.run(people.delete({ id: 3, version: 1 }))
    const second = await unit.run(people.page({ limit: 10, after: first.next }))
    expect(second.rows.map(({ id }) => id)).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
    const back = await unit.run(people.page({ limit: 10, before: second.previous }))
    expect(back.rows.map(({ id }) => id)).toEqual([1, 2, 4, 5, 6, 7, 8, 9])
  })

  test('behind the last row are empty', async () => {
    const { unit } = fixture
    const { next } = await unit.run(people.page({ limit: 59 }))
    await unit.run(people.delete({ id: 60, version: 1 }))
    expect(await unit.run(people.page({ limit: 9, after: next }))).toEqual({
      rows: [],
      next: undefined,
      previous: undefined,
    })
  })

  test('by columns of all kinds', async () => {
    const uow = fixture.uow({ bigints: 'bigint' })
    const rows = Array.from({ length: 9 }, (_, index) => ({
      digest: Buffer.from([255, 0, 39, index]),
      at: new Date(1_700_000_000_000 + Math.floor(index / 2)),
      size: 2n ** 60n + BigInt(index % 3),
      name: '',
    }))
    await uow.run(files.insertMany(rows))
    for (const orderBy of [['at'], ['size', ['at', 'desc']], [['digest', 'desc']], ['name']] as const) {
      const found: unknown[] = []
      let after: string | undefined
      do {
        const page = await uow.run(files.page({ orderBy, limit: 2, after }))
        found.push(...page.rows)
        after = page.next
      } while (after !== undefined && found.length < 20)
      expect(found).toEqual(
        await uow.run(
          files.list({ orderBy: [...orderBy, ['digest', orderBy[0] === 'size' ? 'desc' : 'asc']] }),
        ),
      )
    }
  })

  test('read no more of an index than they give, however far in the table they are', async () => {
    const many = Array.from({ length: 4_000 }, (_, index) => ({
      email: `m${index}`,
      name: `n${index % 40}`,
      cents: (index * 17) % 500,
    }))
    await fixture.unit.run(people.insertMany(many))
    await fixture.stored('analyze table people')
    const status = sql<{
      Variable_name: string
      Value: string
    }>`show session status like 'Handler_read%'`.compile(db)
    for (const orderBy of [
      ['id'],
      ['cents'],
      ['name', 'cents'],
      [
        ['name', 'desc'],
        ['cents', 'desc'],
      ],
    ] as const) {
      const read = await fixture.unit.run(async (q) => {
        const half = await q(people.page({ limit: 2_000, orderBy }))
        const counted = async (): Promise<number> => {
          const rows = await q(status)
          const relevant = rows.filter(({ Variable_name: name }) =>
            /_(?:first|last|key|next|prev)$/.test(name),
          )
          return relevant.reduce((sum, { Value }) => sum + Number(Value), 0)
        }
        const before = await counted()
        const { rows } = await q(people.page({ limit: 10, orderBy, after: half.next }))
        expect(rows).toHaveLength(10)
        return (await counted()) - before
      })
      expect(read).toBeLessThan(25)
    }
  })
})

test('a page does not end with a value of which the server sorts the beginning alone', async () => {
  await fixture.oracle.query('create table essays (id int primary key, body text not null)')
  try {
    for (const id of [1, 2, 3])
      await fixture.oracle.query(`insert into essays values (${id}, concat(repeat('x', 2000), ${4 - id}))`)
    const essays = tableRepository(mysqlBuilder<{ essays: { id: number; body: string } }>(), 'essays', {
      key: 'id',
    })
    const sorted = fixture.unit.run(essays.page({ orderBy: ['body'], limit: 1 }))
    await expect(sorted).rejects.toThrow(/sorts as a whole, by 1024 bytes at most \(max_sort_length\)/)
    expect((await fixture.unit.run(essays.page({ orderBy: ['body'], limit: 3 }))).rows).toHaveLength(3)
  } finally {
    await fixture.oracle.query('drop table essays')
  }
})

test.each([
  ["enum('b', 'a', 'c')", "'a'"],
  ["set('b', 'a', 'c')", "'b,a'"],
  ['bit(8)', "b'101'"],
  ['float', '0.1'],
  ['json', `'"a"'`],
])('a page is not sorted by %s, which is compared by something else', async (type, value) => {
  await fixture.oracle.query(`create table tickets (id int primary key, current_state ${type} not null)`)
  try {
    await fixture.oracle.query(`insert into tickets values (1, ${value}), (2, ${value})`)
    const builder = mysqlBuilder<{ tickets: { id: number; currentState: string } }>({
      plugins: [new CamelCasePlugin()],
    })
    const tickets = tableRepository(builder, 'tickets', { key: 'id' })
    expect((await fixture.unit.run(tickets.page({ orderBy: ['id'], limit: 1 }))).rows).toHaveLength(1)
    const sorted = fixture.unit.run(tickets.page({ orderBy: ['currentState'], limit: 1 }))
    await expect(sorted).rejects.toThrow(ResultError)
    await expect(sorted).rejects.toThrow(/got currentState, a FLOAT, ENUM, SET, BIT or JSON/)
    await fixture.oracle.query('alter table tickets add i_d float')
    expect((await fixture.unit.run(tickets.page({ orderBy: ['id'], limit: 1 }))).rows).toHaveLength(1)
  } finally {
    await fixture.oracle.query('drop table tickets')
  }
})

describe('a cursor', () => {
  const cursorOf = async (options: Options): Promise<string> =>
    (await fixture.unit.run(people.page(options))).next ?? ''

  test('of another order, table or hand is refused', async () => {
    const cursor = await cursorOf({ limit: 3, orderBy: ['name'] })
    const changed = `${cursor.slice(0, 12)}${cursor[12] === 'A' ? 'B' : 'A'}${cursor.slice(13)}`
    const forged = Buffer.concat([Buffer.from(cursor, 'base64url').subarray(0, 6), Buffer.from('[')])
    for (const bad of [
      '',
      'x',
      cursor.slice(0, -2),
      `${cursor}AAAA`,
      changed,
      forged.toString('base64url'),
    ]) {
      expect(() => people.page({ limit: 3, orderBy: ['name'], after: bad })).toThrow(UsageError)
      expect(() => people.page({ limit: 3, orderBy: ['name'], before: bad })).toThrow(
        /expected a cursor of a page in the order people by name asc, id asc/,
      )
    }
    expect(() => people.page({ limit: 3, orderBy: ['name'], after: ['a'] as unknown as string })).toThrow(
      UsageError,
    )
    for (const orderBy of [[], [['name', 'desc']], ['name', 'cents']] as const) {
      expect(() => people.page({ limit: 3, orderBy, after: cursor })).toThrow(UsageError)
    }
    expect(() => people.page({ limit: 3, orderBy: ['name'], after: cursor })).not.toThrow()
  })

  test('is needed on one side only, and a page has a size', async () => {
    const cursor = await cursorOf({ limit: 3 })
    expect(() => people.page({ limit: 3, after: cursor, before: cursor })).toThrow(/got both/)
    for (const limit of [0, -1, 1.5, Number.NaN, Infinity]) {
      expect(() => people.page({ limit })).toThrow(/whole number from 1/)
    }
    const orderBy = [['name', 'sideways']] as unknown as ['name']
    expect(() => people.page({ limit: 1, orderBy })).toThrow(/sorted 'asc' or 'desc', got sideways/)
  })

  test('can not be made of NULL', async () => {
    const orderBy = ['note'] as unknown as ['name']
    await expect(fixture.unit.run(people.page({ limit: 1, orderBy }))).rejects.toThrow(ResultError)
    await expect(fixture.unit.run(people.page({ limit: 1, orderBy }))).rejects.toThrow(
      'people.page: expected a value in the sort column note, got null',
    )
  })
})
