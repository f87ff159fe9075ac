/** What chance goes by: `given`, else LEASEHOLD_SEED, else a number of its own. The same seed makes the same choices. */
export function chooseSeed(given = process.env['LEASEHOLD_SEED'] ?? ''): number {
  if (given === '') return Math.floor(Math.random() * 2 ** 31)
  if (/^\d{1,10}$/.test(given) && Number(given) < 2 ** 31) return Number(given)
  throw new Error(`expected a whole number below 2^31 as the seed, got "${given}"`)
}
