/**
 * https://mariadb.com/docs/connectors/mariadb-connector-nodejs: queries that are not waited for are sent without waiting
 * for each other (`pipelining`, on unless told otherwise), and `batch` is for many rows.
 */
import { type Connection, createPool } from 'mariadb'
import { found, together } from './desk-units.ts'
import { type OpenPeer, poolSize } from './peer.ts'
import { shopUnits } from './shop-units.ts'
import { sqlDesk, sqlShop, type Value } from './sql-statements.ts'

type Runner = Pick<Connection, 'query'>

export const open: OpenPeer = async (uri) => {
  const { hostname, port, username, password, pathname } = new URL(uri)
  const pool = createPool({
    host: hostname,
    port: Number(port),
    user: username,
    password: decodeURIComponent(password),
    database: pathname.slice(1),
    connectionLimit: poolSize,
    bigIntAsNumber: true,
    allowPublicKeyRetrieval: true,
  })

  async function transaction<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await pool.getConnection()
    try {
      const [, result] = await Promise.all([connection.beginTransaction(), work(connection)])
      await connection.commit()
      return result
    } catch (error) {
      await connection.rollback()
      throw error
    } finally {
      await connection.release()
    }
  }

  const run = {
    rows: <Row>(on: Runner, sql: string, values: Value[]) => on.query<Row[]>(sql, values),
    write: (on: Runner, sql: string, values: Value[]) => on.query<unknown>(sql, values),
  }
  const userById = sqlShop<Runner>(run).user

  return {
    ...together<Connection>({ ...sqlDesk<Runner>(run), transaction }),
    ...shopUnits<Runner, Connection>({
      ...sqlShop<Runner>(run),
      direct: pool,
      transaction,
      addContacts: (tx, contacts) =>
        tx.batch(
          'insert into contacts (id, name, email, score) values (?, ?, ?, ?)',
          contacts.map(({ id, name, email, score }) => [id, name, email, score]),
        ),
    }),
    users: (ids) => transaction((tx) => Promise.all(ids.map(async (id) => found(await userById(tx, id))))),
    close: () => pool.end(),
  }
}
