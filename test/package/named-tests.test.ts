import { existsSync, globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { codesOf, promisesOf } from './support/promises.ts'

const root = resolve(import.meta.dirname, '../..')

/** Documents of promises, and how many each has at least: a form that the parser misses must not pass. */
const promising = [
  ['docs/guarantees.md', 23],
  ['docs/servers.md', 23],
] as const

function read(document: string): string {
  return readFileSync(resolve(root, document), 'utf8')
}

function exists(name: string): boolean {
  return ['.test.ts', '.test-d.ts'].some((ending) => existsSync(resolve(root, 'test', name + ending)))
}

describe.each(promising)('%s', (document, least) => {
  const promises = promisesOf(read(document))

  test(`has at least ${least} promises`, () => {
    expect(promises.length).toBeGreaterThanOrEqual(least)
  })

  test.each(promises)('names existing tests for: $promise', ({ tests }) => {
    expect(tests).not.toEqual([])
    expect(tests.filter((name) => !exists(name))).toEqual([])
  })
})

test('every test that a document names exists', () => {
  const folders = ['core', 'faults', 'galera', 'mysql', 'package', 'types']
  const named = globSync('docs/**/*.md', { cwd: root }).flatMap((document) =>
    codesOf(read(document)).filter((code) => folders.some((folder) => code.startsWith(`${folder}/`))),
  )
  expect(named.length).toBeGreaterThan(20)
  expect(named.filter((name) => !exists(name))).toEqual([])
})

describe('promisesOf', () => {
  test('finds the tests of a section, over several lines', () => {
    const section =
      '### It holds\n\n_Limits:_ Not `always`.\n\n_Tests:_ `core/a`,\n`core/b`\n\nMore `code`.\n'
    expect(promisesOf(section)).toEqual([{ promise: 'It holds', tests: ['core/a', 'core/b'] }])
  })

  test.each([
    ['a section without tests', '### It holds\n\nSee `core/a`.\n\n### Next\n\n_Tests:_ `core/b`\n'],
    ['a section before another part', '### It holds\n\n## Next\n\n_Tests:_ `core/b`\n'],
    ['a fact without tests', '## In common\n\nThey hold:\n\n- It holds, see `core/a`\n- Next (`core/b`).\n'],
  ])('finds no tests in %s', (_, markdown) => {
    expect(promisesOf(markdown)[0]?.tests).toEqual([])
  })
})
