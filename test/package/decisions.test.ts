/** The decisions of docs/adr: each has a status and stands in the index under its own title. */
import { globSync, readFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { expect, test } from 'vitest'

const folder = resolve(import.meta.dirname, '../../docs/adr')
const files = globSync('[0-9]*.md', { cwd: folder }).map((file) => basename(file))

function read(file: string): string {
  return readFileSync(resolve(folder, file), 'utf8')
}

const index = new Map(
  [...read('README.md').matchAll(/^- \[(.+)\]\((.+?)\)/gm)].map(([, title = '', file = '']) => [file, title]),
)

test('the index lists all decisions and no others', () => {
  expect(files.length).toBeGreaterThan(30)
  expect([...index.keys()].sort()).toEqual(files.toSorted())
})

test.each(files)('%s has its number, a title as in the index, and a status', (file) => {
  const [heading = '', , status] = read(file).split('\n')
  expect(heading).toBe(`# ${index.get(file)}`)
  expect(heading).toMatch(new RegExp(`^# ${Number(file.slice(0, 4))}\\. \\S`))
  expect(status).toMatch(/^Status: (Accepted|Superseded by \[ADR \d+\]\(\d{4}-[a-z0-9-]+\.md\))/)
})
