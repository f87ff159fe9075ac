/**
 * Looks for anomalies in a history of appends and reads. A list tells the order of the writes to it, so that the
 * dependencies between units are known, and an anomaly is a cycle of them (Adya, "Weak Consistency"; Kingsbury and
 * Alvaro, "Elle: Inferring Isolation Anomalies from Experimental Observations").
 */
import { Dependencies } from './dependencies.ts'
import type { History, HistoryUnit, Operation } from './list-history.ts'

export type AnomalyName =
  /** A list that is no prefix of what it became, or holds a value twice, or has lost a committed one. */
  | 'broken list'
  /** A cycle of writes. */
  | 'G0'
  /** A read of what was rolled back. */
  | 'G1a'
  /** A read of what its writer has then added to. */
  | 'G1b'
  /** A cycle of writes and reads of what was written. */
  | 'G1c'
  /** Two units read the same version of a list, and both appended to it. */
  | 'lost update'
  /** A cycle with one read that misses a write. */
  | 'G-single'
  /** A cycle with several of them. */
  | 'G2-item'

type Append = Extract<Operation, { type: 'append' }>
type Read = Extract<Operation, { type: 'read' }>

export function anomaliesIn({ units, final }: History): Set<AnomalyName> {
  const found = new Set<AnomalyName>()
  const writers = new Map(units.flatMap((unit) => appendsOf(unit).map(({ value }) => [value, unit] as const)))
  const dependencies = new Dependencies<HistoryUnit>()

  for (const list of final.values()) {
    if (new Set(list).size < list.length) found.add('broken list')
    if (list.some((value) => writers.get(value)?.committed !== true)) found.add('G1a')
    for (const [index, value] of list.entries()) {
      dependencies.add('ww', writers.get(list[index - 1] ?? Number.NaN), writers.get(value))
    }
  }

  const updates = new Map<string, HistoryUnit>()
  for (const unit of units.filter(({ committed }) => committed)) {
    for (const { key, value } of appendsOf(unit)) {
      if (final.get(key)?.includes(value) !== true) found.add('broken list')
    }
    for (const { key, values } of foreignReadsOf(unit)) {
      const list = final.get(key) ?? []
      const last = values.at(-1)
      const writer = writers.get(last ?? Number.NaN)
      if (values.some((value) => writers.get(value)?.committed === false)) found.add('G1a')
      else if (values.some((value, index) => list[index] !== value)) found.add('broken list')
      if (writer !== undefined && lastAppendTo(key, writer)?.value !== last) found.add('G1b')
      dependencies.add('wr', writer, unit)
      dependencies.add('rw', unit, writers.get(list[values.length] ?? Number.NaN))

      const update = `${key}: ${values.length}`
      if (lastAppendTo(key, unit) === undefined) continue
      if ((updates.get(update) ?? unit) !== unit) found.add('lost update')
      updates.set(update, unit)
    }
  }

  if (dependencies.cycleThrough('ww', ['ww'])) found.add('G0')
  if (dependencies.cycleThrough('wr', ['ww', 'wr'])) found.add('G1c')
  if (dependencies.cycleThrough('rw', ['ww', 'wr'])) found.add('G-single')
  else if (dependencies.cycleThrough('rw', ['ww', 'wr', 'rw'])) found.add('G2-item')
  return found
}

function appendsOf({ operations }: HistoryUnit): Append[] {
  return operations.filter((operation) => operation.type === 'append')
}

function lastAppendTo(key: number, unit: HistoryUnit): Append | undefined {
  return appendsOf(unit).findLast((append) => append.key === key)
}

/** Those of other units' work: of lists to which the unit itself has not appended before. */
function foreignReadsOf({ operations }: HistoryUnit): Read[] {
  return operations.filter((operation, index): operation is Read => {
    if (operation.type !== 'read') return false
    return !operations.slice(0, index).some(({ type, key }) => type === 'append' && key === operation.key)
  })
}
