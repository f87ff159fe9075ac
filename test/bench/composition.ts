/** `node test/bench/composition.ts`: what units of many branches and steps hold in memory, without a server. */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import {
  type Answer,
  composer,
  type Connection,
  createUnitOfWork,
  all,
  belongsTo,
  type Driver,
  each,
  loader,
  many,
  program,
  type Query,
} from '@leasehold/core'
import { MysqlAdapter, MysqlQueryCompiler } from 'kysely'

const usage = 'node test/bench/composition.ts [--report FILE]'

interface Database {
  items: { id: number; parent: number }
}

const db = composer<Database>({ adapter: new MysqlAdapter(), queryCompiler: new MysqlQueryCompiler() })

const itemsByIds = (ids: readonly number[]) => many(db.selectFrom('items').selectAll().where('id', 'in', ids))
const itemById = loader(itemsByIds, (item) => item.id)
const parent = belongsTo(itemsByIds, { from: 'parent', to: 'id' })

/** A statement that is compiled for this id, as a repository does it. */
const read = (id: number): Query<number> =>
  many(db.selectFrom('items').selectAll().where('id', 'in', [id])).map((rows) => rows.length)

const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

const steps = (count: number): Query<number> =>
  program(function* () {
    let sum = 0
    for (let step = 0; step < count; step += 1) sum += yield* read(step)
    return sum
  })

const workloads: Readonly<Record<string, () => Query<unknown>>> = {
  'all of 10 000': () => all(numbers(10_000).map(read)),
  'each of 10 000': () => each(numbers(10_000), read),
  'each of 100 000': () => each(numbers(100_000), read),
  'each of 10 000, three steps': () => each(numbers(10_000), () => steps(3)),
  'loads of 10 000 keys': () => each(numbers(10_000), (id) => itemById.load(id)),
  'loads of 100 000 keys': () => each(numbers(100_000), (id) => itemById.load(id)),
  'with, 10 000 rows': () => itemsByIds(numbers(10_000)).with({ parent }),
  'program of 100 000 steps': () => steps(100_000),
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Bytes of the heap that something holds on to. */
function heldBytes(): number {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

/** The highest heap seen while it watches; collecting garbage is slow, so it looks now and then. */
class HeapWatch {
  readonly #base = heldBytes()
  #peak = 0
  #looked = Number.NEGATIVE_INFINITY

  look(): void {
    if (performance.now() - this.#looked < 100) return
    this.#peak = Math.max(this.#peak, heldBytes() - this.#base)
    this.#looked = performance.now()
  }

  get peak(): number {
    return this.#peak
  }
}

/** Answers each statement with a row for each of its parameters, in the next turn of the event loop. */
function memoryDriver(onFlight: () => void): Driver {
  const connection: Connection = {
    id: 1,
    pipelining: true,
    proven: true,
    server: { returning: false, maxAllowedPacket: Infinity },
    async fly(commands) {
      onFlight()
      await new Promise(setImmediate)
      return commands.map((command): Answer => {
        const rows =
          command.type === 'statement'
            ? command.statement.parameters.map((id) => ({ id, parent: id }))
            : undefined
        return {
          rows,
          affectedRows: 0,
          changedRows: 0,
          insertId: 0n,
          inTransaction: command.type === 'statement',
        }
      })
    },
    interrupt() {},
    stream: () => {
      throw new Error('nothing is streamed here')
    },
    renew: () => {},
    release: () => {},
    discard: () => {},
  }
  const nothing = () => db.selectFrom('items').select('id')
  const none = { open: 1, idle: 0, leased: 0, busy: 0, connecting: 0, waiting: 0 }
  return {
    acquire: () => Promise.resolve(connection),
    // For outcome keys, which no unit here has.
    outcomes: { record: () => db.insertInto('items'), find: () => db.selectFrom('items').select('id') },
    locks: { take: nothing, release: nothing, holder: nothing },
    stats: () => ({ ...none, created: 1, discarded: {} }),
    close: () => Promise.resolve(),
  }
}

interface Measurement {
  readonly workload: string
  readonly flights: number
  /** The most that the unit held at the start of a flight, its query and results included, in MiB. */
  readonly peakMiB: number
  readonly milliseconds: number
}

async function measure(workload: string, make: () => Query<unknown>): Promise<Measurement> {
  const run = async (onFlight: () => void): Promise<void> => {
    await createUnitOfWork({ driver: memoryDriver(onFlight) }).run(make())
  }
  const began = performance.now()
  await run(() => {})
  const milliseconds = Math.round(performance.now() - began)
  let flights = 0
  const heap = new HeapWatch()
  await run(() => {
    flights += 1
    heap.look()
  })
  return { workload, flights, peakMiB: Math.round((heap.peak / 2 ** 20) * 10) / 10, milliseconds }
}

async function main(file: string | undefined): Promise<void> {
  const measurements: Measurement[] = []
  for (const [workload, make] of Object.entries(workloads)) measurements.push(await measure(workload, make))
  console.table(measurements)
  if (file !== undefined) {
    await writeFile(file, `${JSON.stringify({ node: process.version, measurements }, undefined, 2)}\n`)
  }
}

let file: string | undefined
try {
  file = parseArgs({ options: { report: { type: 'string' } } }).values.report
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\nusage: ${usage}`)
  process.exit(1)
}
await main(file)
