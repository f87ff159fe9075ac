const SYLLABLES = ['BAR', 'OUGHT', 'ABLE', 'PRI', 'PRES', 'ESE', 'ANTI', 'CALLY', 'ATION', 'EING'] as const

/** How many last names there are. */
export const LAST_NAMES = 1000

/** Clause 4.3.2.3: one syllable for each of the three digits of a number in 0 … 999. */
export function lastName(number: number): string {
  return [100, 10, 1].map((place) => SYLLABLES[Math.floor(number / place) % 10]).join('')
}
