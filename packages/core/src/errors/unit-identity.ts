/** What a unit is known by, in events, errors and messages. */
import { abridged } from './messages.ts'

export interface UnitIdentity {
  /** Counts the units of the process, from 1. */
  readonly id: number
  readonly label: string | undefined
}

/** How a unit is called in messages. */
export function nameOf({ id, label }: UnitIdentity): string {
  return label === undefined ? `unit ${id}` : `unit ${id} (${abridged(label)})`
}
