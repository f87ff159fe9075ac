/** A database that the programs run on, and an account for them that `read_only` stops. */
import { randomBytes } from 'node:crypto'
import { createDatabase } from '@leasehold/test-support/database'
import { type ServerAddress, uriOf } from '@leasehold/test-support/server'
import { type Connection, createConnection } from 'mysql2/promise'
import { contents, definitions, numberRows } from './schema.ts'

export interface Stage {
  /** The server by the eyes of an administrator. */
  readonly server: ServerAddress
  readonly database: string
  /** Name of the account of the programs. */
  readonly account: string
  /** How a program reaches it: directly, or by another port. */
  uri(port?: number): string
  /** A connection of the administrator. Whoever asks ends it. */
  connect(): Promise<Connection>
  /** Back to the beginning. */
  restore(): Promise<void>
}

export async function setStage(server: ServerAddress): Promise<Stage> {
  const { name } = await createDatabase(server)
  const account = { user: name.replace('leasehold', 'actor'), password: randomBytes(12).toString('hex') }
  const { host, port, user, password } = server
  const connect = (): Promise<Connection> =>
    createConnection({
      host,
      port,
      user,
      password,
      database: name,
      connectTimeout: 5_000,
      charset: 'utf8mb4',
    })

  const admin = await connect()
  try {
    for (const sql of definitions(server.kind)) await admin.query(sql)
    await admin.query(numberRows[0], [numberRows[1]])
    await admin.query(`create user if not exists ${account.user}@'%'`)
    await admin.query(`alter user ${account.user}@'%' identified by '${account.password}'`)
    const rights = 'select, insert, update, delete, execute, create temporary tables'
    await admin.query(`grant ${rights} on ${name}.* to ${account.user}@'%'`)
  } finally {
    await admin.end()
  }

  const stage: Stage = {
    server,
    database: name,
    account: account.user,
    uri: (other = port) => uriOf({ ...server, ...account, port: other }, name),
    connect,
    async restore() {
      const admin = await connect()
      try {
        // MariaDB keeps a trigger for broken where KILL QUERY met its reading, as long as the table is open.
        await admin.query('flush tables slots')
        await admin.query('start transaction')
        for (const [sql, rows] of contents()) await admin.query(sql, rows === undefined ? [] : [rows])
        await admin.query('commit')
      } finally {
        await admin.end()
      }
    },
  }
  await stage.restore()
  return stage
}
