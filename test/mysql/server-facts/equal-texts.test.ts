/** Texts that a collation takes for equal are texts that a loader asks for again. */
import { beforeAll, expect, test } from 'vitest'
import { likenessOf } from '#core/query/key-likeness.ts'
import { useFixture } from '../support/fixture.ts'

const fixture = useFixture()

/** Printable ASCII by one and two characters, and all other characters that are not taken for a match of any text. */
function* texts(): Generator<string> {
  const ascii = Array.from({ length: 95 }, (_, index) => String.fromCodePoint(32 + index))
  yield* ascii
  for (const first of ascii) for (const second of ascii) yield first + second
  for (let code = 0x80; code < 0x2_0000; code += 1) {
    const text = String.fromCodePoint(code)
    if (text.isWellFormed() && likenessOf(text) !== undefined) yield text
  }
}

beforeAll(async () => {
  await fixture.oracle.query(
    'create table equal_texts (text varchar(4) character set utf8mb4 collate utf8mb4_bin)',
  )
  const all = [...texts()]
  for (let from = 0; from < all.length; from += 5_000) {
    await fixture.oracle.query('insert into equal_texts values ?', [
      all.slice(from, from + 5_000).map((text) => [text]),
    ])
  }
  await fixture.oracle.query('set session group_concat_max_len = 100000000')
})

test('equal texts are alike, under all collations of Unicode and latin1', { timeout: 120_000 }, async () => {
  const collations = await fixture.rows<{ name: string; charset: string }>(
    `select collation_name as name, character_set_name as charset from information_schema.collations
      where character_set_name in ('utf8mb4', 'utf8mb3', 'latin1', 'ascii')`,
  )
  expect(collations.length).toBeGreaterThan(60)
  const unlike = new Set<string>()
  for (const { name, charset } of collations) {
    const [groups] = (await fixture.oracle.query(
      `select group_concat(hex(text)) as texts from equal_texts
        where convert(convert(text using ${charset}) using utf8mb4) collate utf8mb4_bin = text
        group by convert(text using ${charset}) collate ${name} having count(*) > 1`,
    )) as unknown as [{ texts: string }[]]
    for (const { texts } of groups) {
      const equal = texts.split(',').map((hex) => Buffer.from(hex, 'hex').toString())
      const forms = new Set(equal.map(likenessOf))
      if (forms.size > 1)
        unlike.add(`${name}: ${JSON.stringify(equal.slice(0, 6))} ${JSON.stringify([...forms].slice(0, 6))}`)
    }
  }
  expect([...unlike]).toEqual([])
})
