/** Which names before a parenthesis never call a stored function. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { useFixture } from '../support/fixture.ts'

const fixture = useFixture()
const { kind } = fixture.server

/** The words in the literals of a source, between two marks. */
function listed(file: string, from: string, to: string): string[] {
  const source = readFileSync(new URL(`../../../packages/${file}`, import.meta.url), 'utf8')
  const start = source.indexOf(from)
  const part = source.slice(start, source.indexOf(to, start))
  return [...part.matchAll(/'([^']*)'/g)].flatMap(([, text = '']) => text.split(' ')).filter(Boolean)
}

const ADJACENT = listed('mysql/src/connection/built-in-functions.ts', 'const ADJACENT', ')')
const BUILT_IN = [
  ...listed('mysql/src/connection/built-in-functions.ts', 'const SHARED', '\n)'),
  ...listed('mysql/src/connection/built-in-functions.ts', `  ${kind}: words(`, '),'),
]
const KEYWORDS = listed('core/src/statement/sql-traits.ts', 'const KEYWORDS', ').split')
const AGGREGATES = listed('core/src/statement/sql-traits.ts', 'const AGGREGATES', ')')

/** MySQL 9.6 and newer have hashes as a component, and MariaDB's table function is built in among tables only. */
const EXCEPT = kind === 'mysql' ? ['md5', 'sha', 'sha1'] : ['json_table']

/** What the servers say if a function is looked for by its name, and is not there. */
const NO_SUCH_FUNCTION: ReadonlySet<unknown> = new Set([1305, 1630])

async function areLookedFor(names: readonly string[], arguments_: string): Promise<string[]> {
  const found: string[] = []
  for (const name of names) {
    const error: unknown = await fixture.oracle.query(`select ${name}${arguments_}`).catch((e: unknown) => e)
    const errno = error instanceof Error && 'errno' in error ? error.errno : undefined
    if (NO_SUCH_FUNCTION.has(errno)) found.push(name)
  }
  return found
}

test('the lists are found', () => {
  expect([ADJACENT, BUILT_IN, KEYWORDS, AGGREGATES].map((list) => list.length > 4)).not.toContain(false)
})

test('what is listed as built in is not looked for among stored functions', async () => {
  expect(await areLookedFor(BUILT_IN, '()')).toEqual(EXCEPT)
})

test('some are, if a blank is before the parenthesis', async () => {
  const candidates = BUILT_IN.filter((name) => !EXCEPT.includes(name))
  for (const name of await areLookedFor(candidates, ' ()')) expect(ADJACENT).toContain(name)
})

test('keywords and aggregates are not', async () => {
  for (const arguments_ of ['()', '(1)', '(select 1)']) {
    expect(await areLookedFor([...KEYWORDS, ...AGGREGATES], arguments_)).toEqual([])
    expect(await areLookedFor(KEYWORDS, ` ${arguments_}`)).toEqual([])
  }
})

test.each([
  'select lateral(select 1)',
  "select 'a' f(1)",
  'select (1) f(1)',
  'select 1 as f(1)',
  'with a(b) as (select 1) select * from a',
])('there is no call in %s', async (text) => {
  const error: unknown = await fixture.oracle.query(text).catch((e: unknown) => e)
  const errno = error instanceof Error && 'errno' in error ? error.errno : undefined
  expect([undefined, 1064]).toContain(errno)
})
