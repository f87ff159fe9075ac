import { createUnitOfWork, type UnitOfWork } from '@leasehold/core'
import { mysqlDriver } from '@leasehold/mysql'

export interface ConnectOptions {
  readonly connections: number
  /** False sends every statement by itself, as most clients do, for the comparison. */
  readonly pipeline?: boolean
}

/** Hands out a unit of work and closes its connections when `work` is over. */
export async function withUnitOfWork<T>(
  uri: string,
  { connections, pipeline = true }: ConnectOptions,
  work: (uow: UnitOfWork) => Promise<T>,
): Promise<T> {
  const driver = mysqlDriver({ uri, pool: { max: connections }, ...(pipeline ? {} : { pipeline: false }) })
  const uow = createUnitOfWork({ driver })
  try {
    return await work(uow)
  } finally {
    await uow.close()
  }
}
