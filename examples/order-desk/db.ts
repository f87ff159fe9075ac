import { mysqlBuilder } from '@leasehold/mysql'
import type { Database } from './schema.ts'

/** Composes queries for the repositories and cannot execute them: there is no connection in it. */
export const db = mysqlBuilder<Database>()
