import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
const tsc = resolve(root, 'node_modules/typescript/bin/tsc')
let folder: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'leasehold-declarations-'))
  // A package is read by the declarations of those that it refers to, which a new clone does not have.
  execFileSync(process.execPath, [tsc, '-b', resolve(root, 'packages/mysql')])
})

afterAll(() => {
  rmSync(folder, { recursive: true })
})

/** Declarations as published, without comments. */
function declarations(project: string, ...options: string[]): ReadonlyMap<string, string> {
  const outDir = join(folder, project)
  const build = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--declarationMap', 'false']
  const own = ['--composite', 'false', '--incremental', 'false', '--outDir', outDir]
  execFileSync(process.execPath, [tsc, '-p', resolve(root, project), ...build, ...own, ...options])
  const files = readdirSync(outDir, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.d.ts'),
  )
  return new Map(files.map((file) => [file, withoutComments(readFileSync(join(outDir, file), 'utf8'))]))
}

function withoutComments(source: string): string {
  return source.replaceAll(/\/\*.*?\*\//gs, '').replaceAll(/^\s*\/\/.*$/gm, '')
}

describe('rendered types are flat', () => {
  const CHECKED =
    '{ name: string; freezes: number; found: { name: string; } | undefined; rows: { id: number; }[]; }'
  const LIST = '[number, { name: string; } | undefined]'
  const RECORD = '{ freezes: number; rows: { id: number; }[]; }'
  const NESTED =
    '{ entries: { account: { id: number; name: string; }; cents: number; id: number; }[]; id: number; name: string; }'
  const ENTRY = '{ account: number; cents: number; id: number; }'
  const rendered = new Map<string, string>()

  beforeAll(() => {
    const source = declarations('test/types').get('hover.test-d.d.ts') ?? ''
    for (const statement of source.split(/^(?=export )/m)) {
      const [, name = '', type = ''] = /^export declare const (\w+): (.*);\s*$/s.exec(statement) ?? []
      rendered.set(name, type.replaceAll(/\s+/g, ' ').replaceAll(/import\("[^"]+"\)\./g, ''))
    }
  })

  test.each([
    ['query', `Query<${CHECKED}, "read" | "write">`],
    ['result', `Promise<${CHECKED}>`],
    ['ofBody', `Promise<${CHECKED}>`],
    ['ofBuilder', 'Promise<{ id: number; }[]>'],
    ['list', `Query<${LIST}, "read" | "write">`],
    ['ofList', `Promise<${LIST}>`],
    ['record', `Query<${RECORD}, "read" | "write">`],
    ['ofRecord', `Promise<${RECORD}>`],
    ['next', 'Query<{ id: number; }[], "read">'],
    ['ofEach', `Query<{ name: string; }[], "read">`],
    ['collected', 'Query<{ page: 1; rows: { id: number; }[]; lists: [number]; }, "read" | "write">'],
    ['byId', 'Loader<number, { id: number; name: string; }, "read">'],
    ['loaded', 'Query<{ id: number; name: string; } | undefined, "read">'],
    ['nested', `Query<${NESTED}[], "read">`],
    ['nestedOne', `Promise<${NESTED} | undefined>`],
    ['relation', 'Relation<ParentOf<"account", number>, { id: number; name: string; }, null, "read">'],
    ['entry', `Query<${ENTRY}, "read">`],
    ['page', `Query<Page<${ENTRY}>, "read">`],
    [
      'insert',
      '(row: { account: number; cents: number; id?: number | undefined; }) => Query<number, "write">',
    ],
    [
      'patch',
      '(row: number, changes: { account?: number | undefined; cents?: number | undefined; }) => Query<void, "write">',
    ],
  ])('%s: %s', (name, type) => {
    expect(rendered.get(name)).toBe(type)
  })
})

describe('every type that a public signature names is exported', () => {
  const internal = new Set([
    // For the interpreter; a user has no business with it.
    'Plan',
    'Definition',
    // Steps of a computed type, of which a reader sees what they come to.
    'ColumnsOf',
    'Flat',
    'KeyOf',
    'Requiring',
    'VersionOf',
    'WritableColumn',
  ])

  test.each(['core', 'mysql'])('of @leasehold/%s', (name) => {
    const files = declarations(`packages/${name}`)
    const entries = ['index.d.ts', 'ambient/index.d.ts', 'testing/index.d.ts']
    const exported = namesIn(entries.map((entry) => files.get(entry) ?? '').join('\n'))
    expect(exported.size).toBeGreaterThan(3)

    const declared = new Map<string, string>()
    const types = new Set<string>()
    for (const [file, source] of files) {
      if (entries.includes(file)) continue
      for (const statement of source.split(/\n(?=\S)(?!\})/)) {
        const [, keyword, declaredName] =
          /^(?:export )?(?:declare )?(?:abstract )?(class|interface|type|function|const) (\w+)/.exec(
            statement,
          ) ?? []
        if (declaredName === undefined) continue
        // An overloaded function has several.
        declared.set(declaredName, `${declared.get(declaredName) ?? ''}\n${statement}`)
        if (keyword !== 'function' && keyword !== 'const') types.add(declaredName)
      }
    }

    expect([...declared.keys()]).toEqual(expect.arrayContaining([...exported]))
    const missing = [...exported].flatMap((each) => {
      const named = new Set(declared.get(each)?.match(/\b[A-Z]\w*\b/g))
      return [...named]
        .filter((type) => types.has(type) && !exported.has(type) && !internal.has(type))
        .map((type) => `${type}, which ${each} names`)
    })
    expect(missing).toEqual([])
  })

  function namesIn(index: string): ReadonlySet<string> {
    const clauses = [...index.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].map(([, names = '']) => names)
    return new Set(
      clauses
        .join(',')
        .split(',')
        .map((each) => each.replace(/^\s*type\s/, '').trim())
        .filter((each) => each !== ''),
    )
  }
})
