/** mysql2 by hand: what its documentation shows, with `query` (text) or `execute` (prepared statements). */
import { createPool, type PoolConnection, type RowDataPacket } from 'mysql2/promise'
import { oneByOne } from './desk-units.ts'
import { type OpenPeer, type Peer, poolSize } from './peer.ts'
import { shopUnits } from './shop-units.ts'
import { sqlDesk, sqlShop, type Value } from './sql-statements.ts'

export const openText: OpenPeer = async (uri) => open(uri, 'query')
export const openPrepared: OpenPeer = async (uri) => open(uri, 'execute')

function open(uri: string, method: 'query' | 'execute'): Peer {
  const pool = createPool({ uri, connectionLimit: poolSize })

  type Runner = Pick<PoolConnection, 'query' | 'execute'>

  async function rows<Row>(on: Runner, sql: string, values: Value[]): Promise<Row[]> {
    const [found] = await (method === 'query'
      ? on.query<RowDataPacket[]>(sql, values)
      : on.execute<RowDataPacket[]>(sql, values))
    return found as Row[]
  }

  async function write(on: Runner, sql: string, values: Value[]): Promise<void> {
    await (method === 'query' ? on.query(sql, values) : on.execute(sql, values))
  }

  async function transaction<T>(work: (connection: PoolConnection) => Promise<T>): Promise<T> {
    const connection = await pool.getConnection()
    try {
      await connection.beginTransaction()
      const result = await work(connection)
      await connection.commit()
      return result
    } catch (error) {
      await connection.rollback()
      throw error
    } finally {
      connection.release()
    }
  }

  const run = { rows, write }
  return {
    ...oneByOne<PoolConnection>({ ...sqlDesk<PoolConnection>(run), transaction }),
    ...shopUnits<Runner, PoolConnection>({ ...sqlShop<Runner>(run), direct: pool, transaction }),
    close: () => pool.end(),
  }
}
