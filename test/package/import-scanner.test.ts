import { expect, test } from 'vitest'
import { type Import, importsOf } from './support/imports.ts'

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
