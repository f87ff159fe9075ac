import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import type { ServerAddress, TestServer } from '../server/index.ts'

/** Milliseconds within which a node must have become what it is waited for. */
const PATIENCE = 40_000
/** Milliseconds for one question; a node that is frozen answers none. */
const ANSWER_WITHIN = 2_000

export interface GaleraNode extends ServerAddress {
  /** Stops its process, which then answers nobody, and is missed by the others soon. */
  freeze(): Promise<void>
  /** Lets it go on. */
  thaw(): Promise<void>
  /** Until it takes part in a group of that many nodes and has what they have. Rejects after 40 s. */
  synced(size: number): Promise<void>
  /** Until it knows that it is no part of a majority, and refuses work. Rejects after 40 s. */
  alone(): Promise<void>
}

export function nodeOn(server: TestServer): GaleraNode {
  const { kind, version, host, port, user, password } = server
  const address: ServerAddress = { kind, version, host, port, user, password }
  const signal = async (name: 'SIGSTOP' | 'SIGCONT'): Promise<void> => {
    const id = await server.processId()
    if (id === undefined) throw new Error(`the node at port ${port}: expected a process of our own, got none`)
    process.kill(id, name)
  }
  return {
    ...address,
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    synced: (size) =>
      untilStatus(server, `synced in a group of ${size}`, (status) => {
        const { wsrep_local_state, wsrep_ready, wsrep_cluster_size } = status
        return wsrep_local_state === '4' && wsrep_ready === 'ON' && wsrep_cluster_size === `${size}`
      }),
    alone: () => untilStatus(server, 'out of work', ({ wsrep_ready }) => wsrep_ready === 'OFF'),
  }
}

type Status = Readonly<Record<string, string>>

async function untilStatus(
  server: ServerAddress,
  wanted: string,
  holds: (status: Status) => boolean,
): Promise<void> {
  const deadline = Date.now() + PATIENCE
  for (;;) {
    const status = await statusOf(server).catch((error: unknown) => ({ unanswered: String(error) }))
    if (holds(status)) return
    if (Date.now() > deadline) {
      throw new Error(
        `the node at port ${server.port}: expected it ${wanted} within ${PATIENCE / 1000} s, ` +
          `got ${JSON.stringify(status)}`,
      )
    }
    await sleep(20)
  }
}

async function statusOf({ host, port, user, password }: ServerAddress): Promise<Status> {
  const connection = await createConnection({ host, port, user, password, connectTimeout: ANSWER_WITHIN })
  try {
    const [rows] = await connection.query<RowDataPacket[]>({
      sql: `show status where variable_name in ('wsrep_local_state', 'wsrep_ready', 'wsrep_cluster_size')`,
      timeout: ANSWER_WITHIN,
    })
    return Object.fromEntries(rows.map((row) => [String(row['Variable_name']), String(row['Value'])]))
  } finally {
    connection.destroy()
  }
}
