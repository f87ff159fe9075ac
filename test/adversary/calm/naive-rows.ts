/** Loads, relations and a table repository, done by hand. */
import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise'
import type { Leaf } from '../program/step.ts'
import { Mismatch } from './mismatch.ts'

export async function loadRow(connection: Connection, id: number): Promise<unknown> {
  const [found] = await connection.query<RowDataPacket[]>('select * from accounts where id = ?', [id])
  return found[0] ?? null
}

export async function relatedRows(connection: Connection, ids: readonly number[]): Promise<unknown> {
  const select = 'select * from accounts where id in (?) order by id'
  const [accounts] = await connection.query<RowDataPacket[]>(select, [ids])
  const related: unknown[] = []
  for (const account of accounts) {
    const select = 'select * from entries where account = ? order by id'
    const [entries] = await connection.query<RowDataPacket[]>(select, [account['id']])
    related.push({ ...account, entries })
  }
  return related
}

export async function noteRow(
  connection: Connection,
  how: Extract<Leaf, { do: 'note' }>['how'],
  id: number,
): Promise<unknown> {
  const write = async (sql: string): Promise<number> => {
    const [{ affectedRows }] = await connection.query<ResultSetHeader>(sql, [id])
    return affectedRows
  }
  switch (how) {
    case 'insert':
      await write("insert into notes (id, text, version) values (?, 'inserted', 1)")
      return id
    case 'upsert':
      await write(
        "insert into notes (id, text, version) values (?, 'upserted', 1) " +
          'on duplicate key update text = values(text), version = version + 1',
      )
      return null
    case 'patch':
      if ((await write("update notes set text = 'patched', version = 2 where id = ? and version = 1")) === 1)
        return 2
      throw new Mismatch('StaleError')
    case 'delete':
      if ((await write('delete from notes where id = ? and version = 1')) === 1) return null
      throw new Mismatch('StaleError')
    default: {
      const [found] = await connection.query<RowDataPacket[]>('select * from notes where id = ?', [id])
      return found[0] ?? null
    }
  }
}
