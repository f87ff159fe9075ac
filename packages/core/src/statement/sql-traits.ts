/** What the words of SQL text tell. What is not certain is taken for what does more. */
import { type HiddenMarks, isName, type Reading, readSql } from './sql-words.ts'

export interface SqlTraits {
  /** The text: the same string each time for one that is seen again and again. */
  readonly sql: string
  /** The first word of each reading. */
  readonly verbs: readonly string[]
  /**
   * What it calls: names, as they are written, before a parenthesis, other than keywords and aggregates. A name has a dot
   * in front if it is qualified, and a blank behind if one is between it and the parenthesis.
   */
  readonly calls: readonly string[]
  /** Whether it locks rows that it reads. */
  readonly locks: boolean
  readonly returning: boolean
  /** Whether it assigns: to a variable, a file, or a sequence. */
  readonly assigns: boolean
  /** Whether it is a plain read: one that locks nothing, sets nothing and writes no file. */
  readonly reads: boolean
  /** Whether it may end the transaction; only statements that are known not to don't. */
  readonly mayCommit: boolean
  readonly hiddenMarks: HiddenMarks
}

/** Texts that are kept in mind, and the characters up to which a text is: a longer one is seldom seen again. */
const TEXTS = 1_000
const LONGEST = 4_096

const known = new Map<string, SqlTraits>()

export function traitsOf(sql: string): SqlTraits {
  if (sql.length > LONGEST) return traitsIn(sql)
  // A text that was put together is a rope, with which a look-up is slow; to read a character of it makes it one string.
  sql.charCodeAt(0)
  let traits = known.get(sql)
  if (traits === undefined) {
    traits = traitsIn(sql)
    if (known.size === TEXTS) known.clear()
    known.set(sql, traits)
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

/** A lock may be taken anywhere: at the end, in a derived table, in raw SQL among what a builder made. */
function locks(words: Reading): boolean {
  return words.some((word, index) => {
    const next = words[index + 1]
    return word === 'for' ? next === 'update' || next === 'share' : word === 'lock' && next === 'in'
  })
}

/** `into @a`, `into outfile`, `@a := 1`, `next value for s` and its like, and what a server may find in a comment. */
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
  if (verb !== 'rollback') return !STAYING.has(verb)
  return !(words[1] === 'to' || (words[1] === 'work' && words[2] === 'to'))
}

/**
 * Verbs that leave the transaction open, whatever they run, or fail: functions and triggers can't end it. MariaDB's DO
 * is none: it hides the deadlock by which a function has lost the transaction.
 */
const STAYING: ReadonlySet<string> = new Set([
  ...READING,
  'delete',
  'insert',
  'release',
  'replace',
  'savepoint',
  'update',
])

/** `for update`, `with … delete`, and what else has no place in a plain read. */
const CHANGING: ReadonlySet<string> = new Set(['delete', 'into', 'update'])

function callsIn(words: Reading): string[] {
  const calls: string[] = []
  for (const [index, mark] of words.entries()) {
    const name = words[index - 1]
    if ((mark !== '(' && mark !== ' (') || name === undefined || !isName(name)) continue
    const qualified = words[index - 2] === '.'
    if (!qualified && KEYWORDS.has(name)) continue
    // With a blank before the parenthesis, a function may have the name of an aggregate.
    if (!qualified && mark === '(' && AGGREGATES.has(name)) continue
    if (isNoCall(words, index)) continue
    calls.push(`${qualified ? '.' : ''}${name}${mark === '(' ? '' : ' '}`)
  }
  return calls
}

/**
 * Whether the parenthesis belongs to something else than a call, which no `)` or literal is before: `into t (a, b)`,
 * `as char(9)`, `match (a) against (b)`, `'$' columns (…)`, `lateral (select …)`, `with t (a, b) as (…)`.
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

/** Keywords that a parenthesis may follow. Without quotes, no function that has the name of one is called. */
const KEYWORDS: ReadonlySet<string> = new Set(
  (
    'all and any as between by case distinct div else except exists from having in index intersect join ' +
    'key like not on or over partition regexp rlike select some straight_join then union using values when ' +
    'where with xor'
  ).split(' '),
)
