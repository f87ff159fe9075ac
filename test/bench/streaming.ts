/**
 * `node --max-heap-size=100 test/bench/streaming.ts`: whether a million streamed rows do with a heap of 100 MB, on a
 * server that it starts and stops.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { getHeapStatistics } from 'node:v8'
import { createUnitOfWork, many } from '@leasehold/core'
import { mysqlBuilder, mysqlDriver } from '@leasehold/mysql'
import { createDatabase } from '@leasehold/test-support/database'
import { type ServerKind, startServer, type TestServer } from '@leasehold/test-support/server'
import { createConnection } from 'mysql2/promise'

const usage = 'node --max-heap-size=100 test/bench/streaming.ts [--server mariadb|mysql] [--report FILE]'

const db = mysqlBuilder<{ digits: { digit: number } }>()

/** A million rows of about a hundred bytes, which the server makes as it goes. */
const rows = many(
  db
    .selectFrom(['digits as a', 'digits as b', 'digits as c', 'digits as d', 'digits as e', 'digits as f'])
    .select((e) => [
      'a.digit as a',
      'b.digit as b',
      'c.digit as c',
      e.fn<string>('repeat', [e.val('x'), e.lit(80)]).as('text'),
    ]),
)

interface Measurement {
  readonly server: string
  readonly rows: number
  readonly perSecond: number
  /** The highest heap at the arrival of a batch, garbage included, and what it may not exceed, in MiB. */
  readonly peakMiB: number
  readonly limitMiB: number
}

async function measure(server: TestServer): Promise<Measurement> {
  const database = await createDatabase(server)
  const uow = createUnitOfWork({ driver: mysqlDriver({ uri: database.uri }) })
  try {
    await createDigits(database.uri)
    let count = 0
    let peak = 0
    const began = performance.now()
    for await (const batch of uow.stream(rows).batches()) {
      count += batch.length
      peak = Math.max(peak, process.memoryUsage().heapUsed)
    }
    const perSecond = Math.round(count / ((performance.now() - began) / 1_000))
    return {
      server: server.kind,
      rows: count,
      perSecond,
      peakMiB: mebibytes(peak),
      limitMiB: mebibytes(getHeapStatistics().heap_size_limit),
    }
  } finally {
    await uow.close()
    await database.drop()
  }
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20)
}

async function createDigits(uri: string): Promise<void> {
  const connection = await createConnection({ uri })
  await connection.query('create table digits (digit int primary key)')
  await connection.query('insert into digits values (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)')
  await connection.end()
}

async function main(kind: ServerKind, file: string | undefined): Promise<void> {
  const server = await startServer({ kind, log: console.log })
  try {
    const measurement = await measure(server)
    console.table([measurement])
    if (file === undefined) return
    await writeFile(file, `${JSON.stringify({ node: process.version, ...measurement }, undefined, 2)}\n`)
  } finally {
    await server.stop()
  }
}

function parseOptions(args: string[]): { readonly kind: ServerKind; readonly file: string | undefined } {
  const string = { type: 'string' } as const
  const { server: kind = 'mariadb', report: file } = parseArgs({
    args,
    options: { server: string, report: string },
  }).values
  if (kind !== 'mariadb' && kind !== 'mysql') {
    throw new Error(`--server: expected mariadb or mysql, got "${kind}"`)
  }
  return { kind, file }
}

let options: ReturnType<typeof parseOptions>
try {
  options = parseOptions(process.argv.slice(2))
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\nusage: ${usage}`)
  process.exit(1)
}
await main(options.kind, options.file)
