/** docs/options.md has every option of the public interfaces, no other, and the defaults of the code. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { createUnitOfWork } from '@leasehold/core'
import { RecordingDriver, refusal } from '@leasehold/core/testing'
import { beforeAll, describe, expect, test } from 'vitest'
import { failureOf, write } from '../core/support/unit.ts'

const root = resolve(import.meta.dirname, '../..')
const page = read('docs/options.md')

/** Where each interface is declared, in the order of the page. */
const sources = {
  MysqlDriverOptions: 'packages/mysql/src/options/options.ts',
  PoolOptions: 'packages/mysql/src/options/pool-options.ts',
  UnitOfWorkOptions: 'packages/core/src/unit-of-work/unit-options.ts',
  UnitDefaults: 'packages/core/src/unit-of-work/unit-options.ts',
  LeaseOptions: 'packages/core/src/unit-of-work/unit-options.ts',
  LockOptions: 'packages/core/src/unit-of-work/unit-options.ts',
  TransactionOptions: 'packages/core/src/driver.ts',
  DeadlineOptions: 'packages/core/src/unit-of-work/deadline.ts',
  ReadOptions: 'packages/core/src/unit-of-work/unit-options.ts',
  RunOptions: 'packages/core/src/unit-of-work/unit-options.ts',
  RetryOptions: 'packages/core/src/unit-of-work/retry-policy.ts',
  MysqlBuilderOptions: 'packages/mysql/src/builder/builder.ts',
} as const

const UNIT_OF_WORK = 'packages/core/src/unit-of-work/unit-of-work.ts'

type Group = keyof typeof sources

/** The default of each option as the page writes it, read off the code; `none` where there is none. */
let defaults: Readonly<Record<Group, Readonly<Record<string, string>>>>

beforeAll(async () => {
  defaults = await defaultsOfCode()
})

test('has the groups of options in their order', () => {
  const groups = [...page.matchAll(/^## `(\w+)`/gm)].map(([, name]) => name)
  expect(groups).toEqual(Object.keys(sources))
})

describe.each(Object.keys(sources) as Group[])('%s', (group) => {
  test('has every option, and no other', () => {
    const declared = membersOf(group)
    expect(declared).not.toEqual([])
    expect(entriesOf(group).map(({ name }) => name)).toEqual(declared)
  })

  test('has the defaults of the code', () => {
    const written = Object.fromEntries(entriesOf(group).map(({ name, text }) => [name, defaultIn(text)]))
    expect(written).toEqual(defaults[group])
  })

  test('says the type of every option', () => {
    for (const { text } of entriesOf(group)) expect(text).toMatch(/^\(`[^`]+`.*\) – /)
  })
})

test('says which function takes which options', () => {
  const all = optionsOf('RunOptions')
  const written = new Map<string, readonly string[]>([['run', all]])
  for (const [, names = '', lacking = ''] of page.matchAll(/^- (.+) takes? all but ((?:`\w+`(?:, )?)+)/gm)) {
    for (const name of codes(names)) written.set(name, without(all, codes(lacking)))
  }
  expect(Object.fromEntries(written)).toEqual(optionsByFunction())
})

/** Names that an interface declares by itself, in their order. */
function membersOf(group: Group): readonly string[] {
  return [...bodyOf(group).matchAll(/^ {2}(?:readonly )?(\w+)\??[:(]/gm)].map(([, name = '']) => name)
}

function bodyOf(name: Group | 'UnitOfWork'): string {
  const source = withoutComments(read(name === 'UnitOfWork' ? UNIT_OF_WORK : sources[name]))
  const body = new RegExp(`^export interface ${name}\\b(?:<[^>]*>)?[^{]*\\{\\n(.*?)^\\}`, 'ms').exec(
    source,
  )?.[1]
  if (body === undefined) throw new Error(`expected an interface ${name} in its source, got none`)
  return body
}

/** Its own names and those of the interfaces that it extends, sorted. */
function optionsOf(group: Group): readonly string[] {
  const source = withoutComments(read(sources[group]))
  const heads =
    new RegExp(`^export interface ${group}(?:\\s+extends\\s+([^{]+))? \\{`, 'm').exec(source)?.[1] ?? ''
  const inherited = [...heads.matchAll(/Omit<(\w+), '(\w+)'>|(\w+)/g)].flatMap(([, from, name, whole]) =>
    without(optionsOf((from ?? whole) as Group), name === undefined ? [] : [name]),
  )
  return [...new Set([...inherited, ...membersOf(group)])].sort()
}

/** By the type of the parameter `options`, for each function of a unit of work that has one. */
function optionsByFunction(): Readonly<Record<string, readonly string[]>> {
  const taken: Record<string, readonly string[]> = {}
  for (const signature of bodyOf('UnitOfWork').split(/^(?= {2}\w)/m)) {
    const [, name, type] = /^ {2}(\w+).*\boptions\?: (\w+)/s.exec(signature) ?? []
    // `lease` takes options of a lease, not of a unit.
    if (name !== undefined && type !== undefined && type !== 'LeaseOptions') taken[name] = optionsOfType(type)
  }
  return taken
}

function optionsOfType(type: string): readonly string[] {
  if (type === 'BeginOptions') {
    expect(read(sources.RunOptions)).toContain("type BeginOptions = Omit<RunOptions, 'outcomeKey' | 'retry'>")
    return without(optionsOf('RunOptions'), ['outcomeKey', 'retry'])
  }
  if (type !== 'StreamOptions') return optionsOf(type as Group)
  expect(read(sources.ReadOptions)).toContain("export type StreamOptions = Omit<ReadOptions, 'retry'>")
  return without(optionsOf('ReadOptions'), ['retry'])
}

interface Entry {
  readonly name: string
  readonly text: string
}

/** The items of a group of the page. */
function entriesOf(group: Group): readonly Entry[] {
  const section = new RegExp(`^## \`${group}\`(.*?)(?=^## |$(?![^]))`, 'ms').exec(page)?.[1] ?? ''
  return section
    .split(/^- /m)
    .slice(1)
    .map((item) => {
      const [, name = '', text = ''] = /^\*\*`(\w+)`\*\* (.*)$/s.exec(item) ?? []
      return { name, text: text.replaceAll(/\s+/g, ' ') }
    })
}

/** Behind `Default:`, up to a remark in parentheses or the end of the sentence. */
function defaultIn(text: string): string | undefined {
  const written = /Default: (.+?)(?: \((?!attempt)[^`]*\))?\.(?: |$)/.exec(text)?.[1]
  return written?.replaceAll('_', '')
}

async function defaultsOfCode(): Promise<typeof defaults> {
  const { connectionOptions, preparedStatements, valueSettings } = await importSource<{
    connectionOptions: (options: object) => Readonly<Record<string, unknown>>
    preparedStatements: (options: object) => number
    valueSettings: (options: object) => object
  }>(sources.MysqlDriverOptions)
  const { poolOptions } = await importSource<{ poolOptions: () => object }>(sources.PoolOptions)
  const { commitLimit } = await importSource<{ commitLimit: () => number }>(sources.DeadlineOptions)
  const server = new (mysql2Config())(connectionOptions({}))
  return {
    MysqlDriverOptions: withNone('MysqlDriverOptions', {
      ...coded({
        host: server['host'],
        port: server['port'],
        compress: server['compress'],
        connectTimeout: server['connectTimeout'],
        preparedStatements: preparedStatements({}),
        ...valueSettings({}),
      }),
      pool: code(captured(sources.PoolOptions, /function poolOptions\(options: PoolOptions = (\{\})\)/)),
      exposeParameters: code(
        captured('packages/mysql/src/driver.ts', /exposeParameters: options\.exposeParameters \?\? (\w+)/),
      ),
    }),
    PoolOptions: withNone('PoolOptions', coded(poolOptions())),
    UnitOfWorkOptions: withNone('UnitOfWorkOptions', {
      driver: 'none',
      warnUnused: code(
        captured(
          'packages/core/src/unit-of-work/create-unit-of-work.ts',
          /warnUnused: options\.warnUnused \?\? (.+?) \}/,
        ),
      ),
      onHookError: code(
        captured(
          'packages/core/src/unit-of-work/run-hooks.ts',
          /onError: HookErrorHandler = warn,.*function warn\(.*?type: '(\w+)'/s,
        ),
      ),
    }),
    UnitDefaults: withNone('UnitDefaults', {}),
    LeaseOptions: withNone('LeaseOptions', {}),
    LockOptions: withNone('LockOptions', {
      wait: code(captured('packages/core/src/unit-of-work/held-lease.ts', /\{ wait = (\d+), /)),
    }),
    TransactionOptions: withNone('TransactionOptions', {
      snapshot: code(
        captured('packages/mysql/src/connection/transaction-sql.ts', /\{.*\bsnapshot = (\w+).*\} = options/),
      ),
    }),
    DeadlineOptions: withNone('DeadlineOptions', {}),
    ReadOptions: withNone('ReadOptions', {
      retry: `\`${(await attemptsOf('query')) > 1}\` for a query, \`${(await attemptsOf('body')) > 1}\` for a body`,
    }),
    RunOptions: withNone('RunOptions', coded({ commitTimeout: commitLimit() })),
    RetryOptions: withNone('RetryOptions', {
      attempts: code(String(await attemptsOf('query'))),
      backoff: code(
        captured(
          sources.RetryOptions,
          /function doubling\(attempt: number\): number \{\s+return (.+)$/m,
        ).replace('LONGEST_WAIT', captured(sources.RetryOptions, /^const LONGEST_WAIT = (.+)$/m)),
      ),
      lockTimeouts: code(captured(sources.RetryOptions, /\{.*\blockTimeouts = (\w+).*\} = options/)),
    }),
    MysqlBuilderOptions: withNone('MysqlBuilderOptions', {
      plugins: code(
        captured(
          'packages/core/src/statement/compile-only-kysely.ts',
          /\{.*\bplugins = (\[\]).*\} = options/,
        ),
      ),
    }),
  }
}

/** How often a unit that meets a deadlock each time is begun. */
async function attemptsOf(work: 'query' | 'body'): Promise<number> {
  const driver = new RecordingDriver({ answers: { a: refusal('deadlock') } })
  const uow = createUnitOfWork({ driver })
  const query = write('a')
  const failure = await failureOf(work === 'query' ? uow.run(query) : uow.run((q) => q(query)))
  return (failure as { readonly attempts: number }).attempts
}

/** The options of a group that have no default in the code, beside those that have one. */
function withNone(group: Group, known: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return { ...Object.fromEntries(membersOf(group).map((name) => [name, 'none'])), ...known }
}

function coded(values: object): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      code(typeof value === 'string' ? `'${value}'` : String(value)),
    ]),
  )
}

function code(text: string): string {
  return `\`${text.replaceAll('_', '')}\``
}

function captured(file: string, pattern: RegExp): string {
  const text = pattern.exec(read(file))?.[1]
  if (text === undefined) throw new Error(`expected ${pattern} in ${file}, got no match`)
  return text
}

type Config = new (options: object) => Readonly<Record<string, unknown>>

/** mysql2's own defaults, which its exports do not reach. */
function mysql2Config(): Config {
  const require = createRequire(import.meta.url)
  return require(join(dirname(require.resolve('mysql2/package.json')), 'lib/connection_config.js')) as Config
}

/** A source file that no package exports. */
async function importSource<M>(file: string): Promise<M> {
  return (await import(resolve(root, file))) as M
}

function codes(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)
}

function without(names: readonly string[], lacking: readonly string[]): readonly string[] {
  return names.filter((name) => !lacking.includes(name))
}

function withoutComments(source: string): string {
  return source.replaceAll(/\/\*.*?\*\//gs, '')
}

function read(file: string): string {
  return readFileSync(resolve(root, file), 'utf8')
}
