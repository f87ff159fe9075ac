import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { databaseCode, instantiations, repeat } from './support/type-cost.ts'

/** Within this member, so that the packages are found by their names. */
const folder = resolve(import.meta.dirname, '../.cache/type-cost')

const USES = 40

/** Each of them 40 times in one file, and how many instantiations one of them may take. */
const combinators: readonly (readonly [name: string, limit: number, code: string])[] = [
  [
    'shapes',
    150,
    repeat(
      USES,
      (i) => `export const a${i} = [leasehold.one(d.select${i}), leasehold.maybeOne(d.select${i}),
        leasehold.many(d.select${i}), leasehold.affected(d.update${i})] as const`,
    ),
  ],
  ['all', 35, `export const a = leasehold.all([${repeat(USES, (i) => `d.read${i}, d.write${i},`)}])`],
  ['all of a record', 10, `export const a = leasehold.all({${repeat(USES, (i) => `r${i}: d.read${i},`)}})`],
  [
    'each',
    40,
    repeat(
      USES,
      (i) => `export const a${i} = leasehold.each([1, 2], (n) => d.read${i}.map((row) => row.id + n))`,
    ),
  ],
  [
    'program',
    20,
    `export const a = leasehold.program(function* () {
      ${repeat(USES, (i) => `const r${i} = yield* d.read${i}; yield* d.write${i}`)}
      return [r0.id, r${USES - 1}.id]
    })`,
  ],
  [
    'map and andThen',
    130,
    `export const a = d.read0${repeat(
      USES,
      (i) => `.andThen((row) => d.read${i}.map((next) => ({ id: row.id, next: next.c0 })))`,
    )}`,
  ],
  [
    'attempt and recover',
    80,
    repeat(
      USES,
      (i) => `export const a${i} = leasehold.recover(leasehold.attempt(d.read${i}), () => d.write${i})`,
    ),
  ],
  [
    'defineRepository',
    35,
    `export const a = leasehold.defineRepository('a', {
      ${repeat(USES, (i) => `f${i}: (id: number) => d.read${i}.map((row) => row.id + id),`)}
    })`,
  ],
  [
    'units',
    330,
    repeat(
      USES,
      (i) => `export const a${i} = [d.uow.run(d.read${i}), d.uow.read(d.select${i}),
        d.uow.run(async (q) => [await q(d.read${i}), await q.all([d.read${i}, d.write${i}])])] as const`,
    ),
  ],
  [
    'loader',
    100,
    repeat(
      USES,
      (i) => `declare const f${i}: (ids: readonly number[]) => leasehold.Query<d.Row${i}[], 'read'>
        export const a${i} = leasehold.loader(f${i}, (row) => row.id).load(1)`,
    ),
  ],
  [
    'relations',
    330,
    repeat(
      USES,
      (i) => `declare const f${i}: (ids: readonly number[]) => leasehold.Query<d.Row${i}[], 'read'>
        export const a${i} = d.read${(i + 1) % USES}.with({ rows: leasehold.hasMany(f${i}, { from: 'id', to: 'parent' }) })`,
    ),
  ],
  [
    'tableRepository',
    1_100,
    repeat(USES, (i) => `export const a${i} = leasehold.tableRepository(d.db, 't${i}', { key: 'id' })`),
  ],
]

const costs = new Map<string, number>()

/** What one use costs, beyond what the packages and the database do by themselves. */
async function costsOf(tables: number, names: ReadonlySet<string>): Promise<ReadonlyMap<string, number>> {
  const database = databaseCode(tables, USES)
  const project = (name: string): string => join(folder, `${name.replaceAll(' ', '-')}-${tables}`)
  const nothing = await instantiations(project('nothing'), '', database)
  const measured = new Map<string, number>()
  for (const [name, , code] of combinators) {
    if (!names.has(name)) continue
    measured.set(name, ((await instantiations(project(name), code, database)) - nothing) / USES)
  }
  return measured
}

beforeAll(async () => {
  await rm(folder, { recursive: true, force: true })
  const all = new Set(combinators.map(([name]) => name))
  for (const [name, cost] of await costsOf(100, all)) costs.set(name, cost)
}, 300_000)

describe('in a database of 100 tables, the compiler takes few instantiations for each use of', () => {
  test.each(combinators)('%s: %i at most', (name, limit) => {
    expect(costs.get(name)).toBeGreaterThan(0)
    expect(costs.get(name)).toBeLessThanOrEqual(limit)
  })
})

test('in one of half as many tables it takes no fewer', async () => {
  const few = await costsOf(50, new Set(['shapes', 'tableRepository', 'units']))
  for (const [name, cost] of few)
    expect([name, (costs.get(name) ?? 0) / cost]).toEqual([name, expect.closeTo(1, 1)])
}, 120_000)
