/** Arithmetic on whole cents and basis points (see schema.ts). */

const WHOLE = 10_000

export interface Terms {
  /** In basis points, as all three. */
  readonly discount: number
  readonly warehouseTax: number
  readonly districtTax: number
}

/** Clause 2.4.2.2: what the customer pays for an order, rounded to the cent. */
export function orderTotal(lineCents: readonly number[], terms: Terms): number {
  const net = lineCents.reduce((sum, cents) => sum + cents, 0)
  const afterDiscount = net * (WHOLE - terms.discount)
  // At most 15 lines of 99 × 100.00, hence far below the 2^53 up to which integers are exact.
  return Math.round((afterDiscount * (WHOLE + terms.warehouseTax + terms.districtTax)) / WHOLE ** 2)
}

export function formatCents(cents: number): string {
  return (cents / 100).toFixed(2)
}
