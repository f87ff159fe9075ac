/** Traits of a statement, derived from the tokens of its SQL text. In doubt, the trait with the wider effect holds. */
import { type HiddenMarks, isName, type Reading, readSql } from './sql-words.ts'

export interface SqlTraits {
  /** The text; the same string object for equal texts, while they are cached. */
  readonly sql: string
  /** First word of each reading. */
  readonly verbs: readonly string[]
  /**
   * Called functions: names in front of a parenthesis, as written, without keywords and aggregates. A qualified name begins
   * with a dot. A name that a blank separates from its parenthesis ends with a blank.
   */
  readonly calls: readonly string[]
  /** Whether it is a locking read. */
  readonly locks: boolean
  readonly returning: boolean
  /** Whether it assigns to a variable, a file or a sequence. */
  readonly assigns: boolean
  /** Whether it is a plain read, which locks nothing, assigns nothing and writes no file. */
  readonly reads: boolean
  /** Whether it may end the transaction: true unless its verb is known not to. */
  readonly mayCommit: boolean
  readonly hiddenMarks: HiddenMarks
}

/** Cached texts. */
const MAX_CACHED_TEXTS = 1_000
/** Longer texts seldom repeat, since most have lists of values. */
const MAX_CACHED_CHARS = 4_096

const cache = new Map<string, SqlTraits>()

export function traitsOf(sql: string): SqlTraits {
  if (sql.length > MAX_CACHED_CHARS) return traitsIn(sql)
  // V8 stores a concatenated text as a rope, which makes look-ups slow. Reading a character flattens it.
  sql.charCodeAt(0)
  let traits = cache.get(sql)
  if (traits === undefined) {
    traits = traitsIn(sql)
    if (cache.size === MAX_CACHED_TEXTS) cache.clear()
    cache.set(sql, traits)
  }
  return traits
}

function traitsIn(sql: string): SqlTraits {
  const { readings, hiddenMarks } = readSql(sql)
  return {
    sql,
    verbs: readings.map(verbOf),
    calls: [...new Set(readings.flatMap(callsIn))],
    locks: readings.some(locks),
    returning: readings.some((words) => words.includes('returning')),
    assigns: readings.some(assigns),
    reads: readings.every(reads),
    mayCommit: readings.some(mayCommit),
    hiddenMarks,
  }
}

/** The first word; empty if there is none. */
function verbOf(words: Reading): string {
  return words.find((word) => word !== '(' && word !== ' (' && word !== '/*!') ?? ''
}

/** A lock clause may stand anywhere: at the end, in a derived table, in a raw part of a builder's text. */
function locks(words: Reading): boolean {
  return words.some((word, index) => {
    const next = words[index + 1]
    return word === 'for' ? next === 'update' || next === 'share' : word === 'lock' && next === 'in'
  })
}

/** Finds `into @a`, `into outfile`, `@a := 1`, `next value for s` and the like; an executable comment may hold any. */
function assigns(words: Reading): boolean {
  return words.some((word, index) => {
    if (word === 'into') return TARGETS.has(words[index + 1] ?? '')
    return ASSIGNING.has(word) || (word === 'next' && words[index + 1] === 'value')
  })
}

const ASSIGNING: ReadonlySet<string> = new Set([':=', 'nextval', 'setval', '/*!'])
const TARGETS: ReadonlySet<string> = new Set(['@', 'dumpfile', 'outfile'])

function reads(words: Reading): boolean {
  return (
    READING.has(verbOf(words)) &&
    !words.some((word) => CHANGING.has(word)) &&
    !locks(words) &&
    !assigns(words)
  )
}

const READING: ReadonlySet<string> = new Set([
  'desc',
  'describe',
  'explain',
  'select',
  'show',
  'table',
  'values',
  'with',
])

function mayCommit(words: Reading): boolean {
  if (words.includes('/*!')) return true
  const verb = verbOf(words)
  if (verb !== 'rollback') return !TRANSACTION_KEEPING.has(verb)
  return !(words[1] === 'to' || (words[1] === 'work' && words[2] === 'to'))
}

/**
 * Verbs of statements that never end the transaction without an error: functions and triggers cannot end it, either.
 * MariaDB's DO is missing, because it hides a deadlock in a function that lost the transaction.
 */
const TRANSACTION_KEEPING: ReadonlySet<string> = new Set([
  ...READING,
  'delete',
  'insert',
  'release',
  'replace',
  'savepoint',
  'update',
])

/** Words that no plain read has, as in `for update` and `with … delete`. */
const CHANGING: ReadonlySet<string> = new Set(['delete', 'into', 'update'])

function callsIn(words: Reading): string[] {
  const calls: string[] = []
  for (const [index, mark] of words.entries()) {
    const name = words[index - 1]
    if ((mark !== '(' && mark !== ' (') || name === undefined || !isName(name)) continue
    const qualified = words[index - 2] === '.'
    if (!qualified && KEYWORDS.has(name)) continue
    // Before a blank and a parenthesis, the name of an aggregate may be that of a stored function.
    if (!qualified && mark === '(' && AGGREGATES.has(name)) continue
    if (isNoCall(words, index)) continue
    calls.push(`${qualified ? '.' : ''}${name}${mark === '(' ? '' : ' '}`)
  }
  return calls
}

/**
 * Whether a parenthesis after a name is not that of a call: `into t (a, b)`, `as char(9)`, `match (a) against (b)`,
 * `'$' columns (…)`, `lateral (select …)`, `with t (a, b) as (…)`. No call follows a `)` or a literal.
 */
function isNoCall(words: Reading, open: number): boolean {
  let start = open - 1
  while (words[start - 1] === '.') start -= 2
  const before = words[start - 1] ?? ''
  if (before === 'into' || before === 'as' || before === ')' || before.startsWith("'")) return true
  if (words[open - 1] === 'lateral') return words[open + 1] === 'select'
  let close = open + 1
  while (isName(words[close] ?? '') || words[close] === ',') close += 1
  return words[close] === ')' && words[close + 1] === 'as' && words[close + 2]?.endsWith('(') === true
}

const AGGREGATES: ReadonlySet<string> = new Set(['avg', 'count', 'max', 'min', 'sum'])

/** Keywords that a parenthesis may follow. They are reserved: a function with such a name is called in quotes only. */
const KEYWORDS: ReadonlySet<string> = new Set(
  (
    'all and any as between by case distinct div else except exists from having in index intersect join ' +
    'key like not on or over partition regexp rlike select some straight_join then union using values when ' +
    'where with xor'
  ).split(' '),
)
