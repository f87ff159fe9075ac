/** The SQL of looking at a statement. */
import type { Statement } from '@leasehold/core'
import type { ServerKind } from './control.ts'

const EXPLAINED = /^[\s(]*(?:select|with|insert|replace|update|delete)\b/i

/** Whether the server has a plan for such a statement. */
export function isExplained({ sql }: Statement): boolean {
  return EXPLAINED.test(sql)
}

/** EXPLAIN of a text, in the table that both servers have. */
export function explainSql(text: string, server: ServerKind): string {
  return `${server === 'mysql' ? 'EXPLAIN FORMAT = TRADITIONAL' : 'EXPLAIN'} ${text}`
}
