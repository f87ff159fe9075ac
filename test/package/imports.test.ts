import { globSync, readFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../..')

/** Which files of its own package a file may import, `import type` included: the list in CONTRIBUTING.md. */
const mayImport: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  core: listed('core'),
  mysql: listed('mysql'),
}

/** Of lines such as "- `core/result`: `errors`, `statement`", in their order. */
function listed(name: string): Readonly<Record<string, readonly string[]>> {
  const text = readFileSync(resolve(root, 'CONTRIBUTING.md'), 'utf8')
  const lines = [...text.matchAll(/^- `(core|mysql)\/([a-z-]+)`: (.+(?:\n {2}.+)*)$/gm)]
  return Object.fromEntries(
    lines
      .filter(([, of]) => of === name)
      .map(([, , file = '', allowed = '']) => [
        file,
        [...allowed.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code),
      ]),
  )
}

/** Which packages a file may import. Types of `mysql2` are for those who hand its options on. */
const mayImportPackages: Readonly<Record<string, (file: string) => readonly string[]>> = {
  core: () => ['kysely', 'node:'],
  mysql: (file) => [
    '@leasehold/core',
    'kysely',
    'node:',
    ...(file === 'commands' || file === 'pipeline' ? ['mysql2'] : []),
    ...(['options', 'killer', 'tls'].includes(file) ? ['type mysql2'] : []),
    ...(file === 'parameters' ? ['sql-escaper'] : []),
  ],
}

interface Import {
  readonly from: string
  readonly typeOnly: boolean
}

const STATEMENT = /^(?:import|export)\s(?:(type\s)?([^'"`;=]*?)\sfrom\s+)?'([^']+)'/gm
const DYNAMIC = /\bimport\(\s*(?:'([^']+)')?/g

function importsOf(source: string): Import[] {
  const statements = [...source.matchAll(STATEMENT)].map(([, type, clause = '', from = '']) => {
    const names = clause
      .replaceAll(/[{}\s]+/g, ' ')
      .trim()
      .split(/\s*,\s*/)
      .filter((name) => name !== '')
    const typeOnly =
      type !== undefined || (names.length > 0 && names.every((name) => name.startsWith('type ')))
    return { from, typeOnly }
  })
  const dynamic = [...source.matchAll(DYNAMIC)].map(([, from = '(computed)']) => ({ from, typeOnly: false }))
  return [...statements, ...dynamic]
}

/** The file of the same package that is imported, by its name in the table. */
function fileOf(from: string): string {
  return basename(from, '.ts')
}

describe('the scanner sees', () => {
  test.each<[string, Import[]]>([
    [`import { a } from './a.ts'`, [{ from: './a.ts', typeOnly: false }]],
    [`import type { A } from './a.ts'`, [{ from: './a.ts', typeOnly: true }]],
    [`import { type A, type B } from './a.ts'`, [{ from: './a.ts', typeOnly: true }]],
    [`import {\n  type A,\n  b,\n} from './a.ts'`, [{ from: './a.ts', typeOnly: false }]],
    [`export { a } from './a.ts'`, [{ from: './a.ts', typeOnly: false }]],
    [`export type { A } from './a.ts'`, [{ from: './a.ts', typeOnly: true }]],
    [`export * from './a.ts'`, [{ from: './a.ts', typeOnly: false }]],
    [`import * as a from 'a'`, [{ from: 'a', typeOnly: false }]],
    [`import 'a'`, [{ from: 'a', typeOnly: false }]],
    [`const a = await import('a')`, [{ from: 'a', typeOnly: false }]],
    [`const a = await import(name)`, [{ from: '(computed)', typeOnly: false }]],
    [`export const a = 'b'\nexport const from = 'c'`, []],
    [`// import { a } from 'b'`, []],
  ])('%j', (source, expected) => {
    expect(importsOf(source)).toEqual(expected)
  })
})

describe.each(Object.keys(mayImport))('packages/%s', (name) => {
  const folder = resolve(root, 'packages', name, 'src')
  const table = mayImport[name] ?? {}
  const files = globSync('**/*', { cwd: folder, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => resolve(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort()
  const imports = new Map(
    files.map((file) => [fileOf(file), importsOf(readFileSync(resolve(folder, file), 'utf8'))]),
  )

  test('has the files of the table and no others, all in one folder', () => {
    expect(files).toEqual(
      Object.keys(table)
        .map((file) => `${file}.ts`)
        .sort(),
    )
  })

  test.each(files)('%s imports only the files that the table allows it', (file) => {
    const relative = (imports.get(fileOf(file)) ?? []).filter(({ from }) => from.startsWith('.'))
    expect(table[fileOf(file)] ?? []).toEqual(
      expect.arrayContaining(relative.map(({ from }) => fileOf(from))),
    )
    for (const { from } of relative) expect(from).toMatch(/^\.\/[a-z-]+\.ts$/)
  })

  test.each(files)('%s imports only the packages that it is allowed', (file) => {
    const allowed = mayImportPackages[name]?.(fileOf(file)) ?? []
    const packages = (imports.get(fileOf(file)) ?? []).filter(({ from }) => !from.startsWith('.'))
    const refused = packages.filter(({ from, typeOnly }) => {
      const named = from.startsWith('node:') ? 'node:' : from
      return !allowed.includes(named) && !(typeOnly && allowed.includes(`type ${named}`))
    })
    expect(refused).toEqual([])
  })

  test('has no cycles, of types neither', () => {
    expect(
      cycleIn((file) =>
        (imports.get(file) ?? []).filter(({ from }) => from.startsWith('.')).map(({ from }) => fileOf(from)),
      ),
    ).toEqual([])
  })

  test('has only files in its list that come after those they import', () => {
    const order = Object.keys(table)
    for (const [place, file] of order.entries()) {
      expect([
        file,
        (table[file] ?? []).filter((imported) => !order.slice(0, place).includes(imported)),
      ]).toEqual([file, []])
    }
  })

  function cycleIn(importedBy: (file: string) => readonly string[]): readonly string[] {
    const done = new Set<string>()
    const search = (path: readonly string[]): readonly string[] => {
      const file = path.at(-1) ?? ''
      if (path.indexOf(file) < path.length - 1) return path.slice(path.indexOf(file))
      if (done.has(file)) return []
      const cycle = importedBy(file)
        .map((next) => search([...path, next]))
        .find((found) => found.length > 0)
      done.add(file)
      return cycle ?? []
    }
    return (
      Object.keys(table)
        .map((file) => search([file]))
        .find((found) => found.length > 0) ?? []
    )
  }
})

test('the pure half of core never imports the effect half, directly or on a detour', () => {
  const table = mayImport['core'] ?? {}
  const reachable = new Set<string>()
  const visit = (file: string): void => {
    if (reachable.has(file)) return
    reachable.add(file)
    table[file]?.forEach(visit)
  }
  visit('evaluation')
  visit('description')
  for (const file of ['shapes', 'collect', 'loader', 'program', 'hooks', 'repository', 'table-repository'])
    visit(file)
  for (const file of [
    'driver',
    'events',
    'lease',
    'transaction',
    'execution',
    'executor',
    'unit-of-work',
    'index',
  ]) {
    expect(reachable).not.toContain(file)
  }
})

test('the effect half of core never imports queries, directly or on a detour', () => {
  const table = mayImport['core'] ?? {}
  const effects = [
    'commit-answer',
    'driver',
    'events',
    'flights',
    'integrity',
    'leak',
    'lease',
    'transaction',
  ]
  for (const file of effects) {
    expect([...effects, 'errors', 'messages', 'statement', 'result', 'server', 'unit-identity']).toEqual(
      expect.arrayContaining([...(table[file] ?? [])]),
    )
  }
})

test('the packages that core and mysql import are dependencies of theirs', () => {
  for (const name of Object.keys(mayImport)) {
    const manifest = JSON.parse(readFileSync(resolve(root, 'packages', name, 'package.json'), 'utf8')) as {
      readonly dependencies?: Readonly<Record<string, string>>
      readonly peerDependencies?: Readonly<Record<string, string>>
    }
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }).sort()
    const used = globSync('*.ts', { cwd: resolve(root, 'packages', name, 'src') })
      .flatMap((file) => importsOf(readFileSync(resolve(root, 'packages', name, 'src', file), 'utf8')))
      .map(({ from }) => from)
      .filter((from) => !from.startsWith('.') && !from.startsWith('node:'))
    expect(declared).toEqual([...new Set(used)].sort())
  }
})
