import { districts } from '../repositories/districts.ts'
import { stock } from '../repositories/stock.ts'

export interface StockLevelInput {
  readonly warehouse: number
  readonly district: number
  readonly threshold: number
}

/**
 * Clause 2.8: how many items of a district's latest orders are about to run out. Two flights, because the COMMIT of
 * a unit that only reads travels with its last step, and `andThen` tells which that is; of a program nobody knows.
 */
export const stockLevel = ({ warehouse, district, threshold }: StockLevelInput) =>
  districts
    .nextOrderNumber(warehouse, district)
    .andThen((next) => stock.countBelow(threshold, { warehouse, district, order: next }))
