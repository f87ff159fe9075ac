/** One name, one meaning: no two functions or classes that a package's files export share a name. */
import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
const EXPORT = /^export (?:async )?(?:abstract )?(?:function\*?|class|const) (\w+)/gm

test.each(['core', 'mysql'])('packages/%s exports each name once', (name) => {
  const folder = resolve(root, 'packages', name, 'src')
  const names = globSync('**/*.ts', { cwd: folder }).flatMap((file) =>
    [...readFileSync(resolve(folder, file), 'utf8').matchAll(EXPORT)].map(([, exported = '']) => exported),
  )
  expect(names.length).toBeGreaterThan(50)
  expect(names.filter((each, index) => names.indexOf(each) !== index)).toEqual([])
})
