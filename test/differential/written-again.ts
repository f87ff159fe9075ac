/** Rows as they were read, written again, are the same bytes. */
import { affected, all, many, type Query, tableRepository, type UnitOfWork } from '@leasehold/core'
import type { Random } from '../../examples/order-desk/generate/random.ts'
import { pick } from '../adversary/choice.ts'
import type { Row } from './expressions.ts'
import { isRefused, outcomeOf } from './outcome.ts'
import { copyOf, type Table } from './schema.ts'
import type { Finding } from './search.ts'
import type { Sessions } from './sessions.ts'

export async function writeAgain(random: Random, table: Table, sessions: Sessions): Promise<Finding[]> {
  const { prepared, text, db, rows: plain } = sessions
  const copy = copyOf(table)
  const exact = table.columns.filter((each) => each.exact)
  const names = ['id', ...exact.map(({ name }) => name)]
  const [reader, writer] = [pick(random, [prepared, text]), pick(random, [prepared, text])]
  const selected = () => many(db.selectFrom(table.name).select(names).orderBy('id')) as Query<Row[], 'read'>
  const rows = random.chance(30) ? await streamed(reader, selected()) : await reader.run(selected())
  const how = pick(random, Object.keys(WRITERS) as ['insert', ...(keyof typeof WRITERS)[]])
  const outcome = await outcomeOf(() => writer.run(WRITERS[how](copy, rows, sessions)))
  const found: Finding[] = []
  const note = (statement: string, detail: string): void =>
    void found.push({ rule: `written again by ${how}, it is not the same`, statement, detail })
  if (isRefused(outcome) || outcome.startsWith('error')) note(table.definitions[0] ?? '', outcome)
  else {
    for (const { name, type } of exact) {
      const differing = await plain(
        `select id, hex(cast(a.${name} as binary)) as a, hex(cast(b.${name} as binary)) as b from ${table.name} a left join ` +
          `${copy} b using (id) where not (cast(a.${name} as binary) <=> cast(b.${name} as binary))`,
      )
      if (differing.length > 0) note(type, JSON.stringify(differing))
    }
  }
  await plain(`delete from ${copy}`)
  return found
}

async function streamed(uow: UnitOfWork, query: Query<Row[], 'read'>): Promise<Row[]> {
  const rows: Row[] = []
  for await (const row of uow.stream(query)) rows.push(row)
  return rows
}

type Writer = (copy: string, rows: readonly Row[], sessions: Sessions) => Query<unknown>

const WRITERS: Readonly<Record<'insert' | 'insertMany' | 'update', Writer>> = {
  insert: (copy, rows, { db }) => all(rows.map((row) => affected(db.insertInto(copy).values(row)))),
  insertMany: (copy, rows, { db }) => tableRepository(db, copy, { key: 'id' as never }).insertMany(rows),
  update: (copy, rows, { db }) =>
    all(
      rows.map(({ id, ...others }) =>
        affected(db.insertInto(copy).values({ id } as never)).andThen(() =>
          affected(
            db
              .updateTable(copy)
              .set(others as never)
              .where('id', '=', id),
          ),
        ),
      ),
    ),
}
