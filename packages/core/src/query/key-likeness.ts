/** Texts that a server may take for equal, by its collation or the type of the column. */

/** Equal for texts that differ only in what the default collations of both servers ignore: case, accents, spaces at the end. */
export function spellingOf(text: string): string {
  if (PRINTABLE.test(text)) return text.toLowerCase().trimEnd()
  return text
    .normalize('NFKD')
    .replaceAll(/\p{M}+/gu, '')
    .toLowerCase()
    .trimEnd()
}

/** Equal for texts that any collation or type may take for equal; `undefined` for a text that may equal any other. */
export function likenessOf(text: string): string | undefined {
  const plain = PRINTABLE.test(text) ? text.trim() : plainOf(text)
  if (plain === undefined) return undefined
  const number = NUMBER.exec(plain)
  if (number !== null) return canonical(number)
  const moment = MOMENT.exec(plain)
  if (moment !== null) {
    const [year = '', ...rest] = moment.slice(1) as (string | undefined)[]
    return [year.slice(-2), ...rest]
      .map((part = '') => part.padStart(2, '0'))
      .join('-')
      .replaceAll(/[-0]+$/g, '')
  }
  // A TIME without its fraction, an address without its zeros.
  if (COLONED.test(plain) || QUAD.test(plain)) return plain.toLowerCase().replaceAll(/[^1-9a-f]+/g, '')
  // Punctuation counts for nothing in some collations; vowels and some consonants stand for other letters (ü for ue or y).
  return plain
    .toLowerCase()
    .replaceAll(/[^0-9a-z]+|[aeiouyhjv]+/g, '')
    .replaceAll(/(.)\1+/g, '$1')
}

const PRINTABLE = /^[ -~]*$/u

/** ASCII without accents; `undefined` for other letters, whose equals differ from collation to collation. */
function plainOf(text: string): string | undefined {
  // Under utf8mb4_general_ci, letters beyond the Basic Multilingual Plane are all equal.
  if (/[\u{10000}-\u{10ffff}]/u.test(text)) return undefined
  const plain = text
    .replaceAll(EQUAL_TO_NONE, (character) => `#${character.charCodeAt(0)}`)
    .normalize('NFKD')
    .replaceAll(/(?:\u00ad|[\u0300-\u0345]|\p{Cc})+/gu, '')
  return PRINTABLE.test(plain) ? plain.trim() : undefined
}

/** Ideographs and Hangul syllables, which equal no other character. */
const EQUAL_TO_NONE = /[\u4e00-\u9fa5\uac00-\ud7a3]/gu

const NUMBER = /^(?=[-+.]*\d)([-+]?)0*(\d*)\.?(\d*?)0*(?:e([-+]?\d+))?$/iu

/** A date with an optional time. */
const MOMENT = /^(\d+)\D(\d+)\D(\d+)(?:\D(\d+)\D(\d+)\D(\d+)(?:\.(\d+))?)?(?:Z|[+-]\d\d:?\d\d)?$/u

/** A time, or an address. */
const COLONED = /^(?=.*:)[\da-f:. -]+$/iu

/** An address of IPv4. */
const QUAD = /^\d+(?:\.\d+){3}$/u

/** A number as its sign, its digits without outer zeros, and the position of its point. */
function canonical([, sign = '', whole = '', fraction = '', exponent = '0']: RegExpExecArray): string {
  const digits = `${whole}${fraction}`
  const significant = digits.replace(/^0+/, '').replace(/0+$/, '')
  if (significant === '') return '0'
  const point = whole.length - (digits.length - digits.replace(/^0+/, '').length) + Number(exponent)
  return `${sign === '-' ? '-' : ''}.${significant}e${point}`
}
