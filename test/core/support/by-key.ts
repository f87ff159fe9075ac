/** Statements that the recording driver answers by the keys that they ask for. */
import { createUnitOfWork, type UnitOfWork } from '@leasehold/core'
import { RecordingDriver, type Reply } from '@leasehold/core/testing'
import type { Account } from './accounts.ts'

export interface ByKey {
  readonly driver: RecordingDriver
  readonly uow: UnitOfWork
  /** The keys that each statement of the label was given. */
  readonly asked: (label: string) => unknown[][]
}

/** The account of each even number. */
const evenAccounts = (keys: readonly unknown[]): object[] =>
  keys
    .map(Number)
    .filter((id) => id % 2 === 0)
    .map((id): Account => ({ id, ownerName: `owner ${id}`, cents: 100 }))

/** Answers these labels with the rows of their keys; other statements as `others` says, or as the driver does. */
export function byKey(
  labels: readonly string[],
  rows: (keys: readonly unknown[], label: string) => object[] = evenAccounts,
  others: (label: string, before: number) => Reply | undefined = () => undefined,
): ByKey {
  const driver = new RecordingDriver({
    answers: ({ name, parameters, before }) =>
      labels.includes(name) ? rows(parameters, name) : others(name, before),
  })
  const asked = (label: string): unknown[][] =>
    driver.flights
      .flat()
      .filter((command) => 'statement' in command)
      .filter((command) => command.label === label)
      .map(({ statement }) => Array.from(statement.parameters))
  return { driver, uow: createUnitOfWork({ driver }), asked }
}
