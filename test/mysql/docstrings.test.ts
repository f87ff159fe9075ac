/** The examples of docstrings run, each on tables of its own, and give what their comments say. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { inspect } from 'node:util'
import { examples, moduleOf } from '@leasehold/test-support/docstrings'
import { outcomeTable } from '@leasehold/mysql'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { Context } from './support/docstring-prelude.ts'
import { useFixture } from './support/fixture.ts'

const fixture = useFixture()
const folder = resolve(import.meta.dirname, `../.cache/run-docstrings-${fixture.server.kind}`)

beforeAll(() => mkdir(folder, { recursive: true }))
beforeAll(() => {
  // The checks compare printed values with the comments, so the output itself is noise.
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  return () => log.mockRestore()
})
afterAll(() => rm(folder, { recursive: true }))

const TABLES: Readonly<Record<string, string>> = {
  accounts: 'id int primary key auto_increment, name varchar(50) not null unique, cents int not null',
  orders: 'id int primary key auto_increment, accountId int not null, item varchar(50) not null',
}

beforeEach(async () => {
  for (const [table, columns] of Object.entries(TABLES)) {
    await fixture.rows(`drop table if exists ${table}`)
    await fixture.rows(`create table ${table} (${columns})`)
  }
  await fixture.rows("insert into accounts values (1, 'Ann', 1000), (2, 'Bob', 0)")
  await fixture.rows("insert into orders values (1, 1, 'nail'), (2, 1, 'screw')")
  await fixture.rows('drop table if exists leasehold_outcomes')
  await fixture.rows(outcomeTable)
})

const indexed = [...examples().entries()].map(([index, example]) => ({ index, example, name: example.name }))

test.each(indexed)('$name', async ({ index, example }) => {
  const file = resolve(folder, `${index}-${example.name}.ts`)
  const code = moduleOf(example, '../../mysql/support/docstring-prelude.ts')
  await writeFile(file, code.replaceAll(/mysql:\/\/root@localhost\/\w+/g, fixture.database.uri))
  const { default: run } = (await import(file)) as { default: (context: Context) => Promise<void> }
  const context: Context = {
    uow: fixture.uow(),
    check(value, comment) {
      const printed = inspect(value, { breakLength: Infinity, depth: Infinity })
      expect([printed, value]).toContain(comment)
    },
    async throws(statement, name) {
      await expect(statement()).rejects.toMatchObject({ name })
    },
  }
  await expect(run(context)).resolves.toBeUndefined()
})
