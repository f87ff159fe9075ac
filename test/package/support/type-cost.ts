/** What the compiler does for a piece of code, in type instantiations: they are the same on every machine. */
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
const base = resolve(import.meta.dirname, '../../../tsconfig.base.json')

/** The code of `of`, for each number from 0. */
export function repeat(times: number, of: (index: number) => string): string {
  return Array.from({ length: times }, (_, index) => of(index)).join('\n')
}

const COLUMN_TYPES = [
  'string',
  'number | null',
  'ColumnType<Date, Date | string, never>',
  'boolean',
  'Generated<number>',
]

/** A database of that many tables, of twelve columns each, and for some of them builders and queries as if they were made. */
export function databaseCode(tables: number, used: number): string {
  const columns = repeat(10, (index) => `c${index}: ${COLUMN_TYPES[index % COLUMN_TYPES.length]}`)
  return `
import type { Query, UnitOfWork } from '@leasehold/core'
import type { ColumnType, Generated, Kysely, Selectable, SelectQueryBuilder, UpdateQueryBuilder, UpdateResult } from 'kysely'
export interface Database {
  ${repeat(tables, (index) => `t${index}: { id: Generated<number>\nparent: number\n${columns} }`)}
}
export declare const db: Kysely<Database>
export declare const uow: UnitOfWork
${repeat(
  used,
  (index) => `
export interface Row${index} extends Selectable<Database['t${index}']> {}
export declare const read${index}: Query<Row${index}, 'read'>
export declare const write${index}: Query<number, 'write'>
export declare const select${index}: SelectQueryBuilder<Database, 't${index}', Row${index}>
export declare const update${index}: UpdateQueryBuilder<Database, 't${index}', 't${index}', UpdateResult>`,
)}`
}

/** Instantiations of this code beside that of `database.ts`, which it knows as `d`. Rejects with what does not compile. */
export async function instantiations(project: string, code: string, database: string): Promise<number> {
  await mkdir(project, { recursive: true })
  await writeFile(join(project, 'database.ts'), database)
  await writeFile(
    join(project, 'code.ts'),
    `import * as leasehold from '@leasehold/core'\nimport * as d from './database.ts'\nvoid [leasehold, d]\n${code}\n`,
  )
  const own = {
    noEmit: true,
    composite: false,
    declarationMap: false,
    noUnusedLocals: false,
    types: ['node'],
  }
  await writeFile(
    join(project, 'tsconfig.json'),
    JSON.stringify({ extends: base, compilerOptions: own, files: ['code.ts'] }),
  )
  // Several threads share less, and not the same each time.
  const options = [
    '-p',
    project,
    '--extendedDiagnostics',
    '--singleThreaded',
    '--noUnusedParameters',
    'false',
  ]
  const run = promisify(execFile)(process.execPath, [tsc, ...options])
  const { stdout } = await run.catch((error: unknown) => {
    throw new Error(`${project} does not compile:\n${(error as { stdout: string }).stdout}`, { cause: error })
  })
  return Number(/^Instantiations:\s+(\d+)/m.exec(stdout)?.[1])
}
