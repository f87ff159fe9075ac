/** Values that nobody thought of, by the hundred: what goes in comes back. */
import { program } from '@leasehold/core'
import type { MysqlDriverOptions } from '@leasehold/mysql'
import { chooseSeed } from '@leasehold/test-support/seed'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { Column } from '../support/columns.ts'
import { useFixture } from '../support/fixture.ts'

const fixture = useFixture()

/** An integer of up to so many digits: fast-check's own are nearly always of the largest size. */
const integer = (digits: number) =>
  fc.integer({ min: 1, max: digits }).chain((length) => {
    const end = 10n ** BigInt(length) - 1n
    return fc.bigInt({ min: -end, max: end })
  })

const decimal = fc
  .tuple(integer(35), fc.stringMatching(/^\d{30}$/))
  .map(([whole, fraction]) => `${whole}.${fraction}`)

const days = { min: new Date('0000-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z') }
const date = fc.date({ ...days, noInvalidDate: true })
const microseconds = fc
  .tuple(date, fc.nat({ max: 999 }))
  .map(([millisecond, finer]) => `${textOf(millisecond)}${String(finer).padStart(3, '0')}`)

function textOf(moment: Date): string {
  return moment.toISOString().slice(0, -1).replace('T', ' ')
}

/** As JSON text. An integer from 2^53 to 2^64 is refused there: it is as likely one that was rounded. */
const json = fc
  .jsonValue({ stringUnit: 'binary' })
  .map((value) => JSON.stringify(value, (_key, part: unknown) => (isLarge(part) ? 0 : part)))

function isLarge(value: unknown): boolean {
  return Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(Number(value)) < 2 ** 64
}

interface Property {
  readonly type: string
  readonly values: fc.Arbitrary<unknown>
  readonly back?: (value: unknown) => unknown
  readonly options?: Pick<MysqlDriverOptions, 'bigints' | 'datetimes'>
}

function titleOf({ type, options = {} }: Property): string {
  return [type, ...Object.entries(options).flat()].join(' ')
}

const properties: readonly Property[] = [
  { type: 'text character set utf8mb4', values: fc.string({ unit: 'binary', maxLength: 300 }) },
  { type: 'text character set utf8mb4', values: fc.string({ unit: 'grapheme', maxLength: 50 }) },
  { type: 'blob', values: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)) },
  {
    type: 'bit(64)',
    values: fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes)),
  },
  { type: 'bigint', values: fc.maxSafeInteger() },
  {
    type: 'bigint',
    values: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    options: { bigints: 'bigint' },
  },
  { type: 'decimal(65)', values: integer(65), back: String },
  { type: 'decimal(65, 30)', values: decimal.filter((text) => !/^0\.0+$/.test(text)) },
  {
    type: 'double',
    values: fc.double({ noNaN: true, noDefaultInfinity: true }),
    back: (value) => Number(value) + 0,
  },
  // Digits as people write them: those are what mysql2 would read with the last bit wrong.
  {
    type: 'double',
    values: fc
      .tuple(integer(16), fc.nat({ max: 15 }))
      .map(([digits, scale]) => Number(`${digits}e-${scale}`)),
  },
  { type: 'datetime(3)', values: date },
  { type: 'datetime(6)', values: microseconds, options: { datetimes: 'string' } },
  { type: 'date', values: date.map((day) => textOf(day).slice(0, 10)) },
  {
    type: 'json',
    values: json,
    back: (text) => JSON.parse(String(text)) as unknown,
  },
]

const titled = properties.map((property) => [titleOf(property), property] as const)

test.each(titled)('%s', async (_, { type, values, back = (value) => value, options }) => {
  const column = await Column.create(fixture, type)
  const inText = fixture.uow({ ...options, preparedStatements: 0 })
  const prepared = fixture.uow({ ...options, pool: { max: 1 } })
  await fc.assert(
    fc.asyncProperty(fc.array(values, { minLength: 1, maxLength: 100 }), async (those) => {
      const roundTrip = program(function* () {
        yield* column.clear()
        yield* column.putOneByOne(those)
        return yield* column.take()
      })
      for (const uow of [inText, prepared]) {
        expect(await uow.run(roundTrip)).toStrictEqual(those.map(back))
      }
    }),
    { numRuns: 40, seed: chooseSeed() },
  )
})
