/** A rival for locks on accounts, against which a unit loses. */
import { createConnection } from 'mysql2/promise'
import { eventually, type Fixture } from './fixture.ts'

export interface Rival {
  /**
   * Until the rival waits for account 8, which the unit must have locked: a unit that now asks for account 9 is the victim
   * of a deadlock.
   */
  waitForUnit(): Promise<void>
}

/** Has `work` done while another session holds account 9, and then rolls that session back. */
export async function withRival(fixture: Fixture, work: (rival: Rival) => Promise<void>): Promise<void> {
  const { host, port, user, password } = fixture.server
  const session = await createConnection({ host, port, user, password, database: fixture.database.name })
  let waiting: Promise<unknown> | undefined
  try {
    await session.query('begin')
    // InnoDB sacrifices the transaction that changed fewer rows.
    await session.query('insert into accounts (name, cents) select concat(name, name), 0 from accounts')
    await session.query('update accounts set cents = 0 where id = 9')
    await work({
      async waitForUnit() {
        waiting = session.query('update accounts set cents = 0 where id = 8')
        await eventually(async () =>
          (await fixture.sessions()).some(
            ({ id, statement }) => id === session.threadId && statement !== null,
          ),
        )
      },
    })
    await waiting
  } finally {
    await session.query('rollback')
    await session.end()
  }
}
