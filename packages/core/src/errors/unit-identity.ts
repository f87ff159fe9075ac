/** The identity of a unit in events, errors and messages. */
import { abridged } from './messages.ts'

export interface UnitIdentity {
  /** Sequence number of the unit in this process, from 1. */
  readonly id: number
  readonly label: string | undefined
  /** The tags of the `defaults` and of `uow.with`; absent without any. */
  readonly tags?: Readonly<Record<string, string>>
}

/** Name of a unit in messages: `unit 7 (transfer)`. */
export function nameOf({ id, label }: UnitIdentity): string {
  return label === undefined ? `unit ${id}` : `unit ${id} (${abridged(label)})`
}
