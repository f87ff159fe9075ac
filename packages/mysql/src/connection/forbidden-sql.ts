/**
 * SQL that a unit must not run, because it ends the transaction unnoticed. Transaction control can begin a new transaction at
 * once, which looks like the old one. A failed definition has committed, too, and its error does not show it.
 */
import { type Reading, readingsOf, UsageError } from '@leasehold/core'
import type { RootOperationNode } from 'kysely'

/** Refuses definitions of Kysely's schema builder, except temporary tables. */
export function assertNoDefinition(node: RootOperationNode): void {
  if (node.kind === 'RawNode' || (node.kind === 'CreateTableNode' && node.temporary === true)) return
  throw definition(node.kind.replace('Node', ''))
}

/** Refuses raw SQL that is, or contains, transaction control or a definition in any of its readings. */
export function assertNoControl(readings: readonly Reading[]): void {
  for (const words of readings) {
    const start = words.findIndex((word) => !isOpening(word))
    if (start === -1) continue
    refuse(words, start)
    if (holdsStatements(words, start)) {
      for (let at = start + 1; at < words.length; at += 1) if (isKeyword(words, at)) refuse(words, at)
    }
  }
}

function refuse(words: Reading, at: number): void {
  const control = controlAt(words, at)
  if (control !== undefined) {
    throw new UsageError(
      `${control} can't be run inside of a unit, which begins, commits and rolls back its transaction by itself`,
    )
  }
  const name = definitionAt(words, at)
  if (name !== undefined) throw definition(name)
  const text = textAt(words, at)
  if (text !== undefined) assertNoControl(readingsOf(text))
}

function definition(name: string): UsageError {
  return new UsageError(
    `${name} can't be run inside of a unit: it would commit what came before, even if it fails; run it by itself, as a ` +
      'migration',
  )
}

function isOpening(word: string): boolean {
  return word === '(' || word === ' (' || word === '/*!'
}

/** Whether it may be, run, or hide in a comment, a compound statement. */
function holdsStatements(words: Reading, start: number): boolean {
  const word = words[start] ?? ''
  const next = words[start + 1]
  if (word === 'set') return next === 'statement'
  return COMPOUND.has(word) || next === ':' || words.includes('/*!')
}

const COMPOUND: ReadonlySet<string> = new Set([
  '<',
  'begin',
  'case',
  'declare',
  'for',
  'if',
  'loop',
  'repeat',
  'while',
])

/** Whether the word is transaction control, and not part of a name, a variable or a block. */
function isKeyword(words: Reading, at: number): boolean {
  const before = words[at - 1]
  return before !== '.' && before !== '@' && words[at] !== 'begin'
}

function controlAt(words: Reading, at: number): string | undefined {
  const [word = '', next = '', third] = words.slice(at, at + 3)
  switch (word) {
    case 'begin':
      return next === 'not' && third === 'atomic' ? undefined : 'BEGIN'
    case 'commit':
    case 'xa':
      return word.toUpperCase()
    case 'rollback':
      return next === 'to' || (next === 'work' && third === 'to') ? undefined : 'ROLLBACK'
    case 'start':
      return next === 'transaction' ? 'START TRANSACTION' : undefined
    case 'lock':
    case 'unlock':
      return next === 'table' || next === 'tables' ? `${word} ${next}`.toUpperCase() : undefined
    default:
      return undefined
  }
}

/** MySQL reference manual, "Statements That Cause an Implicit Commit", and what MariaDB adds. */
function definitionAt(words: Reading, at: number): string | undefined {
  const [word = '', next = '', third = '', fourth = '', fifth = ''] = words.slice(at, at + 5)
  const refused = (when: boolean): string | undefined => (when ? word.toUpperCase() : undefined)
  switch (word) {
    case 'alter':
    case 'backup':
    case 'flush':
    case 'grant':
    case 'install':
    case 'rename':
    case 'revoke':
    case 'uninstall':
      return refused(true)
    case 'create': {
      const [kind, what] = next === 'or' && third === 'replace' ? [fourth, fifth] : [next, third]
      return refused(kind !== 'temporary' || what === 'sequence')
    }
    case 'drop':
      return refused(next !== 'temporary' && next !== 'prepare')
    case 'truncate':
      return refused(next !== '(' && next !== ' (')
    case 'analyze':
    case 'check':
    case 'optimize':
    case 'repair':
      return refused(TABLES.has(LOCALLY.has(next) ? third : next))
    case 'cache':
    case 'load':
      return refused(next === 'index')
    case 'change':
      return refused(next === 'master' || next === 'replication')
    case 'import':
      return refused(next === 'table')
    case 'reset':
      return refused(next !== 'persist')
    case 'start':
    case 'stop':
      return refused(REPLICATION.has(next))
    case 'set':
      if (next === 'password') return 'SET PASSWORD'
      return next === 'default' && third === 'role' ? 'SET DEFAULT ROLE' : undefined
    default:
      return undefined
  }
}

const LOCALLY: ReadonlySet<string> = new Set(['local', 'no_write_to_binlog'])
const TABLES: ReadonlySet<string> = new Set(['table', 'tables', 'view'])
const REPLICATION: ReadonlySet<string> = new Set(['all', 'group_replication', 'replica', 'slave'])

/** The text that PREPARE or EXECUTE IMMEDIATE runs. */
function textAt(words: Reading, at: number): string | undefined {
  const immediate = words[at] === 'execute' && words[at + 1] === 'immediate'
  if (!immediate && !(words[at] === 'prepare' && words[at + 2] === 'from')) return undefined
  let text: string | undefined
  // Adjacent string literals are one string.
  for (let next = at + (immediate ? 2 : 3); isLiteral(words[next]); next += 1) {
    text = (text ?? '') + contentOf(words[next] ?? '')
  }
  return text
}

function isLiteral(word: string | undefined): boolean {
  return word !== undefined && (word.startsWith("'") || word.startsWith('"'))
}

/** The text within the quotes. A backslash is never part of a keyword, whether or not it escapes. */
function contentOf(literal: string): string {
  return literal
    .slice(1, -1)
    .replaceAll(/\\([^])|''|""/g, (pair, escaped: string | undefined) =>
      escaped === undefined ? pair.charAt(0) : (ESCAPES[escaped] ?? escaped),
    )
}

const ESCAPES: Readonly<Partial<Record<string, string>>> = { n: '\n', r: '\r', t: '\t' }
