import type { Random } from './random.ts'

const ALPHANUMERIC = Buffer.from('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz', 'latin1')
const DIGITS = ALPHANUMERIC.subarray(0, 10)
const LETTERS = ALPHANUMERIC.subarray(10, 36)

/** A random a-string [min .. max] (clause 4.3.2.2). */
export function alphanumeric(random: Random, min: number, max = min): string {
  return randomText(random, ALPHANUMERIC, min, max)
}

/** A random n-string [length .. length] (clause 4.3.2.2). */
export function digits(random: Random, length: number): string {
  return randomText(random, DIGITS, length, length)
}

/** Two letters, as W_STATE, D_STATE and C_STATE. */
export function state(random: Random): string {
  return randomText(random, LETTERS, 2, 2)
}

/** Clause 4.3.2.7: four random digits and a constant, so that there are 10 000 zip codes. */
export function zip(random: Random): string {
  return `${digits(random, 4)}11111`
}

/** I_DATA and S_DATA: one in ten holds "ORIGINAL" somewhere (clause 4.3.3.1). */
export function brandData(random: Random): string {
  const text = alphanumeric(random, 26, 50)
  if (!random.chance(10)) return text
  const at = random.integer(0, text.length - ORIGINAL.length)
  return text.slice(0, at) + ORIGINAL + text.slice(at + ORIGINAL.length)
}

export const ORIGINAL = 'ORIGINAL'

// A load makes some fifty million characters, hence the shared buffer.
const scratch = Buffer.alloc(512)

function randomText(random: Random, alphabet: Uint8Array, min: number, max: number): string {
  const length = min === max ? min : random.integer(min, max)
  for (let at = 0; at < length; at += 1) scratch[at] = alphabet[random.integer(0, alphabet.length - 1)] ?? 0
  return scratch.toString('latin1', 0, length)
}
