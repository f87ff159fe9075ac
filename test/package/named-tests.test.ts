import { existsSync, globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../..')

/** Rows of the tables whose last column is `tests`, with the tests that each names. */
function rowsOf(document: string): { row: string; tests: readonly string[] }[] {
  const rows: { row: string; tests: readonly string[] }[] = []
  let inTable = false
  for (const line of readFileSync(resolve(root, document), 'utf8').split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim())
    const last = cells.at(-2) ?? ''
    if (!line.startsWith('|')) inTable = false
    else if (last === 'tests') inTable = true
    else if (inTable && !/^-+$/.test(last)) rows.push({ row: cells[1] ?? '', tests: codes(last) })
  }
  return rows
}

function codes(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)
}

function exists(name: string): boolean {
  return ['.test.ts', '.test-d.ts'].some((ending) => existsSync(resolve(root, 'test', name + ending)))
}

describe.each(['docs/guarantees.md', 'docs/servers.md'])('%s', (document) => {
  test.each(rowsOf(document))('has a test for: $row', ({ tests }) => {
    expect(tests).not.toEqual([])
    expect(tests.filter((name) => !exists(name))).toEqual([])
  })
})

test('every test that a document names exists', () => {
  const folders = ['core', 'faults', 'mysql', 'package', 'types']
  const named = globSync('docs/**/*.md', { cwd: root }).flatMap((document) =>
    codes(readFileSync(resolve(root, document), 'utf8')).filter((code) =>
      folders.some((folder) => code.startsWith(`${folder}/`)),
    ),
  )
  expect(named.length).toBeGreaterThan(20)
  expect(named.filter((name) => !exists(name))).toEqual([])
})
