/** The import law of CONTRIBUTING.md: which folders of a package a folder may import. */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Import, importsOf } from './support/imports.ts'

const root = resolve(import.meta.dirname, '../..')

/** Folder → folders that it may import. */
type Law = ReadonlyMap<string, readonly string[]>

const laws: Readonly<Record<string, Law>> = { core: lawOf('core'), mysql: lawOf('mysql') }

/** Of rows such as "- `core/events`: `driver`, `errors`" and "- `core/testing`: all above but `index`", in their order. */
function lawOf(name: string): Law {
  const text = readFileSync(resolve(root, 'CONTRIBUTING.md'), 'utf8')
  const law = new Map<string, readonly string[]>()
  for (const [, of, folder = '', allowed = ''] of text.matchAll(/^- `(core|mysql)\/([a-z-]+)`: (.+)$/gm)) {
    if (of !== name) continue
    const listed = [...allowed.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)
    const above = [...law.keys()]
    law.set(folder, allowed.startsWith('all above') ? above.filter((each) => !listed.includes(each)) : listed)
  }
  return law
}

/** Which packages a file may import. Types of `mysql2` are for files that hand its options on. */
const mayImportPackages: Readonly<Record<string, (file: string) => readonly string[]>> = {
  core: () => ['kysely', 'node:'],
  mysql: (file) => [
    '@leasehold/core',
    'kysely',
    'node:',
    ...(['protocol/mysql2-commands.ts', 'protocol/wire.ts'].includes(file) ? ['mysql2'] : []),
    ...(['options/options.ts', 'pool/session-killer.ts', 'protocol/tls.ts'].includes(file)
      ? ['type mysql2']
      : []),
    ...(file === 'values/text-parameters.ts' ? ['sql-escaper'] : []),
  ],
}

test('the law has at most 25 rows', () => {
  const rows = Object.values(laws).reduce((sum, law) => sum + law.size, 0)
  expect(rows).toBeGreaterThan(0)
  expect(rows).toBeLessThanOrEqual(25)
})

describe.each(Object.entries(laws))('packages/%s', (name, law) => {
  const source = resolve(root, 'packages', name, 'src')
  const files = globSync('**/*', { cwd: source, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => resolve(entry.parentPath, entry.name).slice(source.length + 1))
    .sort()
  const imports = new Map(
    files.map((file) => [file, importsOf(readFileSync(resolve(source, file), 'utf8'))] as const),
  )

  /** Files of the same package that `file` imports; `..` and more where it leaves the package. */
  function importedBy(file: string): string[] {
    return relative(imports.get(file) ?? []).map(({ from }) => join(dirname(file), from))
  }

  test('has the folders of the law and no others', () => {
    expect([...new Set(files.map(folderOf))].sort()).toEqual([...law.keys()].sort())
  })

  test('has only rows that stand below the folders they allow', () => {
    const order = [...law.keys()]
    for (const [place, folder] of order.entries()) {
      const below = (law.get(folder) ?? []).filter((allowed) => !order.slice(0, place).includes(allowed))
      expect([folder, below]).toEqual([folder, []])
    }
  })

  test('has only rows of which every folder is imported', () => {
    for (const [folder, allowed] of law) {
      if (['ambient', 'index', 'testing'].includes(folder)) continue
      const own = files.filter((file) => folderOf(file) === folder)
      const used = new Set(own.flatMap(importedBy).map(folderOf))
      expect([folder, allowed.filter((each) => !used.has(each))]).toEqual([folder, []])
    }
  })

  test.each(files)('%s imports only folders that the law allows it', (file) => {
    const allowed = new Set([folderOf(file), ...(law.get(folderOf(file)) ?? [])])
    const refused = importedBy(file).filter((other) => !allowed.has(folderOf(other)))
    expect(refused).toEqual([])
    expect(importedBy(file).filter((other) => !imports.has(other))).toEqual([])
  })

  test.each(files)('%s imports only the packages that it is allowed', (file) => {
    const allowed = mayImportPackages[name]?.(file) ?? []
    const refused = packagesOf(imports.get(file) ?? []).filter(({ from, typeOnly }) => {
      const named = from.startsWith('node:') ? 'node:' : from
      return !allowed.includes(named) && !(typeOnly && allowed.includes(`type ${named}`))
    })
    expect(refused).toEqual([])
  })

  test('has no circle of files, of types neither', () => {
    expect(circleIn(files, importedBy)).toEqual([])
  })

  test('has the packages that it imports as dependencies, and no others', () => {
    const manifest = JSON.parse(readFileSync(resolve(root, 'packages', name, 'package.json'), 'utf8')) as {
      readonly dependencies?: Readonly<Record<string, string>>
      readonly peerDependencies?: Readonly<Record<string, string>>
    }
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies }).sort()
    const used = [...imports.values()].flatMap(packagesOf).map(({ from }) => from)
    expect(declared).toEqual([...new Set(used.filter((from) => !from.startsWith('node:')))].sort())
  })
})

test('the halves of core do not know each other', () => {
  const law = laws['core'] ?? new Map()
  for (const pure of ['statement', 'query', 'table', 'interpreter']) {
    expect(reachableFrom(pure, law)).not.toEqual(expect.arrayContaining(['driver']))
    expect(reachableFrom(pure, law)).not.toEqual(expect.arrayContaining(['transaction']))
  }
  for (const effect of ['driver', 'events', 'transaction']) {
    expect(reachableFrom(effect, law)).not.toEqual(expect.arrayContaining(['query']))
  }
})

/** A file of the top level is a folder of its own. */
function folderOf(file: string): string {
  return /^[^/]+(?=\/)/.exec(file)?.[0] ?? file.replace(/\.ts$/, '')
}

function relative(imports: readonly Import[]): readonly Import[] {
  return imports.filter(({ from }) => from.startsWith('.'))
}

function packagesOf(imports: readonly Import[]): readonly Import[] {
  return imports
    .filter(({ from }) => !from.startsWith('.'))
    .map(({ from, typeOnly }) => ({ from: from.replace(/^(mysql2)\/.*/, '$1'), typeOnly }))
}

function reachableFrom(folder: string, law: Law): readonly string[] {
  const reached = new Set<string>()
  const visit = (each: string): void => {
    if (reached.has(each)) return
    reached.add(each)
    law.get(each)?.forEach(visit)
  }
  visit(folder)
  return [...reached]
}

function circleIn(
  files: readonly string[],
  importedBy: (file: string) => readonly string[],
): readonly string[] {
  const done = new Set<string>()
  const search = (path: readonly string[]): readonly string[] => {
    const file = path.at(-1) ?? ''
    if (path.indexOf(file) < path.length - 1) return path.slice(path.indexOf(file))
    if (done.has(file)) return []
    const circle = importedBy(file)
      .map((next) => search([...path, next]))
      .find((found) => found.length > 0)
    done.add(file)
    return circle ?? []
  }
  return files.map((file) => search([file])).find((found) => found.length > 0) ?? []
}
