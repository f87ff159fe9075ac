/** The SQL of EXPLAIN. */
import type { Statement } from '@leasehold/core'
import type { ServerKind } from '../protocol/server-kind.ts'

const EXPLAINED: ReadonlySet<string> = new Set(['delete', 'insert', 'replace', 'select', 'update', 'with'])

/** Whether the server has a plan for such a statement. */
export function isExplained({ verbs }: Statement): boolean {
  return verbs.every((verb) => EXPLAINED.has(verb))
}

/** EXPLAIN of a text, in the tabular format that both servers have. */
export function explainSql(text: string, server: ServerKind): string {
  return `${server === 'mysql' ? 'EXPLAIN FORMAT = TRADITIONAL' : 'EXPLAIN'} ${text}`
}
