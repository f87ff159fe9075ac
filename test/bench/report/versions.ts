import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

const PACKAGES = [
  'mysql2',
  'mariadb',
  'kysely',
  'drizzle-orm',
  'knex',
  'objection',
  'typeorm',
  'sequelize',
  '@mikro-orm/mysql',
  '@prisma/client',
  '@prisma/adapter-mariadb',
  'effect',
  '@effect/sql-mysql2',
]

/** What is compared here, as it is installed. */
export async function versions(): Promise<Readonly<Record<string, string>>> {
  const entries = await Promise.all(PACKAGES.map(async (name) => [name, await versionOf(name)] as const))
  return { node: process.versions.node, ...Object.fromEntries(entries) }
}

async function versionOf(name: string): Promise<string> {
  // Not every package lets its manifest be imported.
  const manifest = await readFile(join(import.meta.dirname, '../node_modules', name, 'package.json'), 'utf8')
  return (JSON.parse(manifest) as { readonly version: string }).version
}
