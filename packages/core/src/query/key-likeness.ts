/** Guesses which texts a server may consider equal, under any collation or column type. A second query settles each guess. */

/** Equal for texts that a server may consider equal, and sometimes for other texts. */
export function likenessOf(text: string): string {
  const plain = text
    .normalize('NFKD')
    .replaceAll(/[\p{M}\p{C}]+/gu, '')
    .replaceAll(/\p{Nd}/gu, digitOf)
    .trim()
  const number = NUMBER.exec(plain)
  if (number !== null) return canonical(number)
  const moment = MOMENT.exec(plain)
  if (moment !== null) {
    const parts = moment.slice(1) as (string | undefined)[]
    return parts
      .map((part = '') => part.padStart(2, '0'))
      .join('-')
      .replaceAll(/[-0]+$/g, '')
  }
  return plain
    .replaceAll(/[\p{P}\p{S}\p{Z}]+/gu, '')
    .toLowerCase()
    .replaceAll(/[\u30a1-\u30f6]/gu, (kana) => String.fromCharCode(kana.charCodeAt(0) - 0x60))
    .replaceAll(/[ßþðđłŧħŋςךםןףץ]/gu, (letter) => ALIKE[letter] ?? letter)
    .replaceAll(/[aeiouyæœøıhjv]+/gu, '')
    .replaceAll(/(.)\1+/gu, '$1')
}

/** Letters that some collation equates with others. Vowels need no entry, because `likenessOf` drops them. */
const ALIKE: Readonly<Record<string, string>> = {
  ß: 's',
  þ: 't',
  ð: 'd',
  đ: 'd',
  ł: 'l',
  ŧ: 't',
  ħ: '',
  ŋ: 'n',
  ς: 'σ',
  ך: 'כ',
  ם: 'מ',
  ן: 'נ',
  ף: 'פ',
  ץ: 'צ',
}

/** The value of a digit of any script: Unicode places the digits of a script in blocks of ten. */
function digitOf(digit: string): string {
  let before = 0
  for (let code = (digit.codePointAt(0) ?? 0) - 1; /\p{Nd}/u.test(String.fromCodePoint(code)); code -= 1)
    before += 1
  return String(before % 10)
}

const NUMBER = /^([-+]?)0*(\d*)\.?(\d*?)0*(?:e([-+]?\d+))?$/iu

/** A date with an optional time. */
const MOMENT = /^(\d+)\D(\d+)\D(\d+)(?:\D(\d+)\D(\d+)\D(\d+)(?:\.(\d+))?)?$/u

/** A number as its sign, its digits without outer zeros, and the position of its point. */
function canonical([, sign = '', whole = '', fraction = '', exponent = '0']: RegExpExecArray): string {
  const digits = `${whole}${fraction}`
  const significant = digits.replace(/^0+/, '').replace(/0+$/, '')
  if (significant === '') return '0'
  const point = whole.length - (digits.length - digits.replace(/^0+/, '').length) + Number(exponent)
  return `${sign === '-' ? '-' : ''}.${significant}e${point}`
}
