/** Random queries of all kinds but attempts. */
import { all, fail, many, program, type Query, succeed } from '@leasehold/core'
import fc from 'fast-check'
import { db } from './accounts.ts'
import { raw, read, write } from './unit.ts'

/** A query as data, so that a failing example can be read. */
export type Tree =
  | { readonly leaf: 'read' | 'write' | 'raw' | 'one'; readonly name: string }
  | { readonly constant: number }
  | { readonly failing: string }
  | { readonly map: Tree; readonly throws: boolean }
  | { readonly sequence: readonly [Tree, Tree] }
  | { readonly all: readonly Tree[] }
  | { readonly record: Readonly<Record<string, Tree>> }
  | { readonly program: readonly Tree[]; readonly handling: 'none' | 'swallow' | 'translate' }
  | { readonly named: Tree; readonly label: string }

export const name = fc.integer({ min: 1, max: 8 }).map((number) => `s${number}`)

export const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, depthSize: 'medium' },
    { weight: 4, arbitrary: fc.record({ leaf: fc.constantFrom('read', 'write', 'raw', 'one'), name }) },
    { weight: 1, arbitrary: fc.record({ constant: fc.nat(9) }) },
    { weight: 1, arbitrary: fc.record({ failing: fc.constantFrom('f', 'g') }) },
    { weight: 1, arbitrary: fc.record({ map: tie('tree'), throws: fc.boolean() }) },
    { weight: 3, arbitrary: fc.record({ sequence: fc.tuple(tie('tree'), tie('tree')) }) },
    { weight: 4, arbitrary: fc.record({ all: fc.array(tie('tree'), { maxLength: 4 }) }) },
    { weight: 1, arbitrary: fc.record({ record: fc.dictionary(name, tie('tree'), { maxKeys: 3 }) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        program: fc.array(tie('tree'), { maxLength: 4 }),
        handling: fc.constantFrom('none', 'swallow', 'translate'),
      }),
    },
    { weight: 1, arbitrary: fc.record({ named: tie('tree'), label: name }) },
  ),
}))

export function queryOf(tree: Tree): Query<unknown> {
  if ('leaf' in tree) return leaves[tree.leaf](tree.name)
  if ('constant' in tree) return succeed(tree.constant)
  if ('failing' in tree) return fail(new Error(tree.failing))
  if ('map' in tree) {
    return queryOf(tree.map).map((value) => {
      if (tree.throws) throw new Error('map')
      return { mapped: value }
    })
  }
  if ('sequence' in tree) {
    const [first, second] = tree.sequence
    return queryOf(first).andThen((value) => queryOf(second).map((next) => [value, next]))
  }
  if ('all' in tree) return all(tree.all.map(queryOf))
  if ('record' in tree)
    return all(Object.fromEntries(Object.entries(tree.record).map(([key, value]) => [key, queryOf(value)])))
  if ('named' in tree) return queryOf(tree.named).named(tree.label)
  return program(function* () {
    try {
      const values: unknown[] = []
      for (const step of tree.program) values.push(yield* queryOf(step))
      return values
    } catch (error) {
      if (tree.handling === 'none') throw error
      if (tree.handling === 'translate') throw new Error(`translated ${String(error)}`, { cause: error })
      return 'swallowed'
    }
  })
}

const leaves = {
  read,
  write,
  raw,
  one: (label: string) =>
    many(db.selectFrom('entries').selectAll())
      .named(label)
      .map((rows) => {
        if (rows.length === 0) throw new Error('none')
        return rows
      }),
}
