/** Messages of errors: bounded, and without values. */
import { abridged, StaleError, StatementError, type StatementErrorFacts, UsageError } from '@leasehold/core'
import { describe, expect, test } from 'vitest'

const LONG = 'x'.repeat(100_000)

function messageOf(facts: Partial<StatementErrorFacts>): string {
  const whole: StatementErrorFacts = {
    kind: 'other',
    errno: 1,
    sqlState: 'HY000',
    serverMessage: '',
    sql: 'select ?',
    label: 'things.odd',
    index: 0,
    ...facts,
  }
  const error = new StatementError(whole)
  expect(error.serverMessage).toBe(whole.serverMessage)
  return error.message
}

describe('what the server said is told without values:', () => {
  test.each<[Partial<StatementErrorFacts>, string]>([
    [
      { kind: 'duplicate-key', serverMessage: "Duplicate entry 'secret' for key 'people.email'" },
      "Duplicate entry '…' for key 'people.email'",
    ],
    [
      { kind: 'duplicate-key', serverMessage: "Duplicate entry 'a' for key 'secret' for key 'email'" },
      "Duplicate entry '…' for key 'email'",
    ],
    [
      { kind: 'duplicate-key', serverMessage: "Duplicate entry 'a\nsecret' for key 'k'" },
      "Duplicate entry '…' for key 'k'",
    ],
    [
      { kind: 'duplicate-key', serverMessage: "'secret' は索引 'email' で重複しています。" },
      "'…' で重複しています。",
    ],
    [
      {
        kind: 'data',
        errno: 1366,
        serverMessage: "Incorrect integer value: 'it's secret' for column 'a' at row 1",
      },
      "Incorrect integer value: '…' at row 1",
    ],
    [
      { kind: 'data', errno: 1264, serverMessage: "Out of range value for column 'a' at row 1" },
      "column 'a' at row 1",
    ],
    [{ kind: 'syntax', serverMessage: "error near 'secret' at line 1" }, "error near '…' at line 1"],
    [{ kind: 'syntax', serverMessage: "error near 'secret" }, "error near '…'"],
    [{ serverMessage: 'Table has no partition for value 4711' }, 'Table has no partition for value …'],
    [{ sqlState: '45000', errno: 1644, serverMessage: 'secret' }, 'serverMessage'],
    [{ sqlState: '01000', errno: 1642, serverMessage: 'secret' }, 'serverMessage'],
    [{ sqlState: '02000', errno: 1643, serverMessage: 'secret' }, 'serverMessage'],
    [{ sqlState: '45001', errno: 1644, serverMessage: 'secret' }, 'serverMessage'],
    [{ serverMessage: "Can't write 'secret' because it isn't one" }, "Can't write '…'t one"],
    [{ serverMessage: "値'secret'は不正です" }, "値'…'は不正です"],
    [
      { kind: 'unknown-name', serverMessage: "Table 'bank.things' doesn't exist" },
      "Table 'bank.things' doesn't exist",
    ],
    [{ kind: 'foreign-key', serverMessage: 'fails (`bank`.`a`, CONSTRAINT `b`)' }, 'CONSTRAINT `b`'],
  ])('%j', (facts, told) => {
    const message = messageOf(facts)
    expect(message).toContain(told)
    expect(message).not.toMatch(/secret|4711/)
    expect(message).toMatch(/\) in things\.odd$/)
  })
})

describe('messages are bounded,', () => {
  test.each([
    ['whatever the server says', messageOf({ kind: 'unknown-name', serverMessage: LONG })],
    ['whatever it says that is no name', messageOf({ serverMessage: LONG })],
    ['whatever the SQL', messageOf({ label: undefined, sql: LONG })],
    ['whatever the label', messageOf({ label: LONG })],
    ['those of callers, too', new UsageError(LONG).message],
    ['and cut no character', new UsageError('😀'.repeat(1_000)).message],
    ['whatever the key', new StaleError({ table: LONG, key: { [LONG]: 1 }, expected: 1, actual: 2 }).message],
  ])('%s', (_, message) => {
    expect(message.length).toBeLessThanOrEqual(500)
    expect(message).toMatch(/…|; read it again$/)
    expect(message.isWellFormed()).toBe(true)
  })
})

test('a row that is stale is not told by the values of its key', () => {
  const { message, key } = new StaleError({
    table: 'people',
    key: { email: 'secret' },
    expected: 1,
    actual: undefined,
  })
  expect(message).toBe('people, by email: expected version 1, found no such row; read it again')
  expect(key).toEqual({ email: 'secret' })
})

test('a text is abridged to as many characters as asked for', () => {
  expect(abridged('abc', 3)).toBe('abc')
  expect(abridged('abcd', 3)).toBe('ab…')
})
