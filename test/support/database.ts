import { randomBytes } from 'node:crypto'
import { createConnection } from 'mysql2/promise'
import { type ServerAddress, uriOf } from './server/index.ts'

export interface TestDatabase {
  readonly name: string
  readonly uri: string
  drop(): Promise<void>
}

/** A new, empty database: test files that have one each can run side by side. */
export async function createDatabase(server: ServerAddress): Promise<TestDatabase> {
  const name = `leasehold_${randomBytes(8).toString('hex')}`
  await execute(server, `create database ${name}`)
  return {
    name,
    uri: uriOf(server, name),
    drop: () => execute(server, `drop database if exists ${name}`),
  }
}

async function execute({ host, port, user, password }: ServerAddress, sql: string): Promise<void> {
  const connection = await createConnection({ host, port, user, password })
  try {
    await connection.query(sql)
  } finally {
    await connection.end()
  }
}
