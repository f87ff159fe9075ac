/** How much data there is. Tests use a smaller desk than the demo. */
export interface Scale {
  readonly warehouses: number
  readonly items: number
  readonly districtsPerWarehouse: number
  /** Also the orders a district starts with: one per customer (clause 4.3.3.1). */
  readonly customersPerDistrict: number
}

/** Clause 1.2.1: the cardinalities of a full desk. */
export function fullScale(warehouses: number): Scale {
  return { warehouses, items: 100_000, districtsPerWarehouse: 10, customersPerDistrict: 3_000 }
}

/** Clause 4.3.3.1: of 3 000 orders in a district the last 900 are not delivered yet. */
export function deliveredOrders(scale: Scale): number {
  return Math.floor(scale.customersPerDistrict * 0.7)
}

/** The numbers 1 … count, which is how warehouses, districts and customers are numbered. */
export function numbersTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}
