/** What really is in the database, by connections of its own that no fault of the network reaches. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection, RowDataPacket } from 'mysql2/promise'
import { ACCOUNTS } from '../stage/schema.ts'
import type { Stage } from '../stage/stage.ts'

const TRIES = 20

export class Oracle {
  readonly #stage: Stage
  #connection: Promise<Connection> | undefined

  constructor(stage: Stage) {
    this.#stage = stage
  }

  /** The steps that a unit has left, in order; `undefined` while they are not to be seen. */
  async marks(unit: number): Promise<number[] | undefined> {
    const rows = await this.#ask('select step from ledger where unit = ? order by step', [unit])
    return rows?.map((row) => Number(row['step']))
  }

  /** The steps of all units. */
  async allMarks(): Promise<Map<number, number[]>> {
    const rows = await this.#ask('select unit, step from ledger order by unit, step', [], TRIES)
    if (rows === undefined) throw new Error('the ledger could not be read')
    const marks = new Map<number, number[]>()
    for (const row of rows) {
      const unit = Number(row['unit'])
      marks.set(unit, [...(marks.get(unit) ?? []), Number(row['step'])])
    }
    return marks
  }

  /** The units whose outcome keys are there. */
  async keyed(): Promise<Set<number>> {
    const rows = await this.#ask(
      'select convert(key_bytes using utf8mb4) as name from leasehold_outcomes',
      [],
      TRIES,
    )
    if (rows === undefined) throw new Error('the outcome keys could not be read')
    return new Set(rows.map((row) => Number(String(row['name']).split(' ').at(-1))))
  }

  /** Accounts whose cents are not those that the ledger tells. */
  async unbalanced(start: number, except: ReadonlySet<number>): Promise<string[]> {
    const rows = await this.#ask(
      'select a.id, a.cents, ? + coalesce((select sum(l.cents) from ledger l where l.account = a.id), 0) as told from accounts a',
      [start],
      TRIES,
    )
    if (rows?.length !== ACCOUNTS) return [`expected ${ACCOUNTS} accounts, found ${rows?.length ?? 'none'}`]
    return rows
      .filter((row) => !except.has(Number(row['id'])) && Number(row['cents']) !== Number(row['told']))
      .map((row) => `account ${row['id']} has ${row['cents']}, the ledger tells ${row['told']}`)
  }

  /** Whether somebody holds a lock of the account; `undefined` if that can't be told. */
  async isLocked(id: number): Promise<boolean | undefined> {
    try {
      const connection = await this.#open()
      await connection.query('select id from accounts where id = ? for update nowait', [id])
      return false
    } catch (error) {
      const { errno } = error as { errno?: number }
      if (errno === 1205 || errno === 3572) return true
      this.#leave()
      return undefined
    }
  }

  rows(sql: string, values: unknown[] = []): Promise<RowDataPacket[] | undefined> {
    return this.#ask(sql, values, TRIES)
  }

  close(): void {
    this.#leave()
  }

  #leave(): void {
    this.#connection?.then((connection) => connection.destroy()).catch(() => {})
    this.#connection = undefined
  }

  async #ask(sql: string, values: unknown[], tries = 3): Promise<RowDataPacket[] | undefined> {
    for (let attempt = 1; attempt <= tries; attempt += 1) {
      try {
        const connection = await this.#open()
        const [rows] = await connection.query<RowDataPacket[]>(sql, values)
        return rows
      } catch {
        // The table is away, or the server.
        this.#leave()
        await sleep(attempt * 5)
      }
    }
    return undefined
  }

  #open(): Promise<Connection> {
    this.#connection ??= this.#stage.connect().then((connection) => {
      connection.on('error', () => {})
      return connection
    })
    return this.#connection
  }
}
