import { type Reading, readingsOf } from '@leasehold/core'
import { describe, expect, test } from 'vitest'

/** The tokens of a text that has one reading. */
function tokens(text: string): Reading {
  const readings = readingsOf(text)
  expect(readings).toHaveLength(1)
  return readings[0] ?? []
}

describe('tokens', () => {
  test.each<[text: string, expected: string]>([
    ['SELECT  a,\tb\r\n FROM t', 'select a , b from t'],
    ['', ''],
    ['menü(1)', 'menü ( 1 )'],
    ['扣款 (1)', '扣款  ( 1 )'],
    ['a$_1.b', 'a$_1 . b'],
    ['`a``b`(1)', '`a``b` ( 1 )'],
    ['"a""b" (1)', '"a""b"  ( 1 )'],
    ["'it''s' x", "'it''s' x"],
    ['a in (?, ?), (?) b', 'a in  ( ) b'],
    ['f((?, ?), (select', 'f (  ( select'],
    ['f(?, g(1))', 'f ( , g ( 1 ) )'],
    ['@a:=1', '@ a := 1'],
    ['a:b', 'a : b'],
    ['1.5for update', '1 . 5 for update'],
    ['1e5for update', '1e5 for update'],
    ['1e+5', '1 e + 5'],
    ['a -- b\nc', 'a c'],
    ['a --\nc', 'a c'],
    ['a --', 'a'],
    ['a --\u0001b\nc', 'a c'],
    ['a --b', 'a - - b'],
    ['a - -b', 'a - - b'],
    ['a # b\rc\nd', 'a d'],
    ['a/* b */c', 'a c'],
    ['a/**/c', 'a c'],
    ['a/*/ b */c', 'a c'],
    ['a /* b /* c */ d */', 'a d * /'],
    ['a /* b', 'a'],
    ['a/*+ b */c', 'a c'],
    ["a '/* b' c */", "a '/* b' c * /"],
    ['count/**/(1)', 'count  ( 1 )'],
    // No blank for the servers, but a letter.
    ['\u00a0commit', '\u00a0commit'],
    ['a\u0000b', 'a \u0000 b'],
  ])('%j', (text, expected) => {
    expect(tokens(text).join(' ')).toBe(expected)
  })
})

describe('readings', () => {
  test.each<[text: string, expected: string[]]>([
    // A backslash may be an escape or not; where it is not, a text may be left open, which no server runs.
    [String.raw`a 'b\'c' d`, [String.raw`a 'b\'c' d`]],
    [String.raw`'a\' b \'' c`, [String.raw`'a\' b \'' c`, String.raw`'a\' b \ '' c`]],
    [String.raw`'a\\' b`, [String.raw`'a\\' b`]],
    // What is in double quotes may be a name, in which a backslash is none.
    [String.raw`"a\" b ", 'c' d`, [String.raw`"a\" b " , 'c' d`]],
    [String.raw`"a\" b "\"" c`, [String.raw`"a\" b " \ "" c`]],
    ['a /*! b */ c', ['a /*! b c', 'a /*! c']],
    ['a /*!50000b*/ c', ['a /*! b c', 'a /*! c']],
    ['a /*M!100100 b */ c', ['a /*! b c', 'a /*! c']],
    ["a /*! '*/' b */ c", ["a /*! '*/' b c"]],
    ['a /*! b /* c */ d */ e', ['a /*! b d e', 'a /*! e']],
  ])('%s', (text, expected) => {
    expect([...new Set(readingsOf(text).map((words) => words.join(' ')))]).toEqual(expected)
  })
})

describe('takes time in proportion to the text:', () => {
  const SIZE = 1 << 20
  test.each([
    '-- a comment\n',
    '#\n',
    '/* a comment */',
    '/*! a */',
    '/*!',
    '/*',
    '*/',
    '--',
    '((',
    "'a\\'",
    '`',
    '"\\',
    'f(',
    '(?, ?), ',
    'a ',
    '1e',
    ':=',
  ])('a megabyte of %j', (part) => {
    // What takes time in proportion to the square of the text would take hours.
    const readings = readingsOf(part.repeat(SIZE / part.length))
    expect(readings.length).toBeGreaterThan(0)
  })
})
