/** Names of columns that mean something to JavaScript, and answers that can't be read. */
import { many, one, ResultError } from '@leasehold/core'
import { sql } from 'kysely'
import { afterEach, describe, expect, test } from 'vitest'
import { accounts, db, useFixture } from '../support/fixture.ts'

const fixture = useFixture()

const NAMES = [
  '__proto__',
  '__defineGetter__',
  '__defineSetter__',
  '__lookupGetter__',
  '__lookupSetter__',
  'constructor',
  'hasOwnProperty',
  'prototype',
  'toString',
  'valueOf',
  'then',
  'length',
  '\\',
  "'",
  '"',
  '\u2028',
  '0',
]

/** A row as it must be: with the names as properties of its own. */
function row(entries: readonly (readonly [string, unknown])[]): unknown {
  return Object.fromEntries(entries)
}

const column = (name: string, value: number) => sql<number>`${sql.lit(value)}`.as(name)

/** As text and, from the third time on, prepared; and whole or as a stream. */
async function everyWay(query: ReturnType<typeof many>): Promise<unknown[]> {
  const uow = fixture.uow({ pool: { max: 1 } })
  const ways: unknown[] = []
  for (let time = 0; time < 4; time++) ways.push(await uow.run(query as never))
  const streamed: unknown[] = []
  for await (const each of uow.stream(query as never)) streamed.push(each)
  return [...ways, streamed]
}

/** The entries of each row, which has to be a plain object. */
function entries(rows: unknown): unknown {
  return (rows as readonly object[]).map((each) => ({
    plain: Object.getPrototypeOf(each) === Object.prototype,
    entries: Object.entries(each),
  }))
}

describe('a column has its name, whatever that is:', () => {
  test.each(NAMES)('%j', async (name) => {
    const query = many(
      db
        .selectFrom('accounts')
        .select([sql<number>`id`.as('before'), column(name, 7), sql<number>`cents`.as('behind')])
        .where('id', '<', 3)
        .orderBy('id'),
    )
    const expected = [1, 2].map((id) =>
      row([
        ['before', id],
        [name, 7],
        ['behind', 100],
      ]),
    )
    for (const rows of await everyWay(query)) expect(entries(rows)).toEqual(entries(expected))
  })

  test('twice, the last one counts', async () => {
    const query = many(
      sql`select 1 as ${sql.id('__proto__')}, 2 as a, 3 as ${sql.id('__proto__')}, 4 as a`.compile(db),
    )
    const expected = [
      row([
        ['__proto__', 3],
        ['a', 4],
      ]),
    ]
    expect(entries(await fixture.uow().run(query))).toEqual(entries(expected))
  })

  test('no name begins with the character that those have while rows are read', async () => {
    // What is not named has its text for a name, but for control characters in front.
    const text = sql.raw(String.raw`'\0__proto__'`)
    const [found] = (await fixture.uow().run(many(sql`select ${text}`.compile(db)))) as readonly object[]
    expect(Object.entries(found ?? {})).toEqual([['__proto__', '\0__proto__']])
  })

  test('with a value of each kind that is read further', async () => {
    const uow = fixture.uow({ bigints: 'bigint' })
    const [found] = (await uow.run(
      many(
        sql`select cast(9007199254740993 as signed) as ${sql.id('__proto__')}, timestamp'2026-01-01 00:00:00' as ${sql.id('constructor')}`.compile(
          db,
        ),
      ),
    )) as readonly object[]
    expect(Object.entries(found ?? {})).toEqual([
      ['__proto__', 9_007_199_254_740_993n],
      ['constructor', new Date('2026-01-01T00:00:00Z')],
    ])
    const refused = fixture
      .uow()
      .run(many(sql`select 9007199254740993 as ${sql.id('__proto__')}`.compile(db)))
    await expect(refused).rejects.toThrow(/a number in column __proto__, got a value/)
  })

  test('of the second result set, which is refused', async () => {
    await fixture.oracle.query('create procedure two_odd() begin select 1 as a; select 2 as `__proto__`; end')
    try {
      const uow = fixture.uow({ pool: { max: 1 } })
      await expect(uow.run(many(sql`call two_odd()`.compile(db)))).rejects.toThrow('expected one result set')
      expect(await uow.run(accounts.all())).toHaveLength(9)
    } finally {
      await fixture.oracle.query('drop procedure two_odd')
    }
  })
})

describe('an answer that mysql2 fails to read is a ResultError, on a connection that stays sound:', () => {
  const { prototype } = Buffer
  const { utf8Slice } = prototype as unknown as { utf8Slice: (start: number, end: number) => string }

  /** Text of this many bytes can't be decoded, as happens to what is longer than a string can be. */
  const TOO_LONG = 777
  function failDecoding(): void {
    Object.assign(prototype, {
      utf8Slice(this: Buffer, start: number, end: number): string {
        if (end - start === TOO_LONG) throw new RangeError('Cannot create a string of xxxxxxx')
        return utf8Slice.call(this, start, end)
      },
    })
  }
  afterEach(() => void Object.assign(prototype, { utf8Slice }))

  const long = 'x'.repeat(TOO_LONG)
  const failing = one(db.selectNoFrom(sql<string>`${long}`.as('long'))).named('things.long')
  const sessionOf = one(db.selectNoFrom(sql<number>`connection_id()`.as('id')))

  test.each([{ pipeline: true }, { pipeline: false }])('in a row, %j', async (options) => {
    const uow = fixture.uow({ pool: { max: 1 }, ...options })
    const session = await uow.run(sessionOf)
    failDecoding()
    for (let time = 0; time < 4; time++) {
      const error: unknown = await uow.run(failing).catch((e: unknown) => e)
      expect(error).toBeInstanceOf(ResultError)
      expect(error).toMatchObject({ attempts: 1, label: 'things.long' })
      expect(String(error)).not.toContain('xxx')
    }
    expect(await uow.run(sessionOf)).toEqual(session)
  })

  test('in a stream, whose rows end before it', async () => {
    const uow = fixture.uow({ pool: { max: 1 } })
    const session = await uow.run(sessionOf)
    failDecoding()
    const rows = many(
      db
        .selectFrom('accounts')
        .select(['id', sql<string>`if(id = 3, ${long}, 'short')`.as('text')])
        .orderBy('id'),
    )
    const seen: number[] = []
    const reading = async (): Promise<void> => {
      for await (const { id } of uow.stream(rows)) seen.push(id)
    }
    await expect(reading()).rejects.toBeInstanceOf(ResultError)
    expect(seen.every((id) => id < 3)).toBe(true)
    expect(await uow.run(sessionOf)).toEqual(session)
  })

  test('in the names of columns', async () => {
    const uow = fixture.uow({ pool: { max: 1 } })
    const session = await uow.run(sessionOf)
    const { Function: Original } = globalThis
    // What mysql2 compiles for these columns is refused, as their names could be.
    globalThis.Function = function (...args: string[]) {
      if (args.some((arg) => arg.includes('uncompilable'))) throw new SyntaxError('no')
      return Original(...args)
    } as unknown as FunctionConstructor
    try {
      for (let time = 0; time < 4; time++) {
        const query = one(
          db
            .selectFrom('accounts')
            .select(sql`${time}`.as('uncompilable'))
            .limit(1),
        )
        await expect(uow.run(query)).rejects.toBeInstanceOf(ResultError)
      }
    } finally {
      globalThis.Function = Original
    }
    expect(await uow.run(sessionOf)).toEqual(session)
  })
})
