/** The SQL of looking at a statement. */
import type { Statement } from '@leasehold/core'
import type { ServerKind } from '../protocol/server-kind.ts'

const EXPLAINED: ReadonlySet<string> = new Set(['delete', 'insert', 'replace', 'select', 'update', 'with'])

/** Whether the server has a plan for such a statement. */
export function isExplained({ verbs }: Statement): boolean {
  return verbs.every((verb) => EXPLAINED.has(verb))
}

/** EXPLAIN of a text, in the table that both servers have. */
export function explainSql(text: string, server: ServerKind): string {
  return `${server === 'mysql' ? 'EXPLAIN FORMAT = TRADITIONAL' : 'EXPLAIN'} ${text}`
}
