/** The rule of words of CONTRIBUTING.md, as far as a machine can check it. */
import { globSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../..')

/** A longer line of a table can neither be read nor reviewed: the formatter pads every other line to its width. */
const TABLE_LINE_CHARS = 130

const withTables = ['README.md', 'CONTEXT.md', 'CONTRIBUTING.md', 'docs/guarantees.md', 'docs/servers.md']

const PHRASES = ['is told of', 'nobody', 'Nobody', 'that there are none', 'What is more', 'Who waits']

function read(file: string): string {
  return readFileSync(resolve(root, file), 'utf8')
}

/** The lines of a table that are too long, each by its number. */
function longTableLines(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line, index) => ({ line, at: index + 1 }))
    .filter(({ line }) => line.trimStart().startsWith('|') && line.length > TABLE_LINE_CHARS)
    .map(({ line, at }) => `line ${at}: ${line.length} characters`)
}

/** The phrases in a text, also those that go over the end of a line or of a line of a comment. */
function phrasesIn(text: string): readonly string[] {
  const joined = text.replaceAll(/\s*\n\s*(?:\*(?!\/)|\/\/|>)?\s*/g, ' ')
  return PHRASES.filter((phrase) => joined.includes(phrase))
}

/** `file: phrase` for each phrase that a file has. */
function findings(files: readonly string[]): readonly string[] {
  return files.flatMap((file) => phrasesIn(read(file)).map((phrase) => `${file}: ${phrase}`))
}

test.each(withTables)(`%s has no table line of more than ${TABLE_LINE_CHARS} characters`, (file) => {
  expect(longTableLines(read(file))).toEqual([])
})

test('the documents use none of the phrases', () => {
  const documents = globSync(['README.md', 'CONTEXT.md', 'CONTRIBUTING.md', 'docs/*.md'], { cwd: root })
  expect(documents.length).toBeGreaterThan(10)
  expect(findings(documents)).toEqual([])
})

test('the sources use none of the phrases', () => {
  const sources = globSync('packages/*/src/**/*.ts', { cwd: root })
  expect(sources.length).toBeGreaterThan(50)
  expect(findings(sources)).toEqual([])
})

test('a long line of a table, and a phrase over two lines, are found', () => {
  expect(longTableLines(`| a |\n| ${'x'.repeat(TABLE_LINE_CHARS)} |\n${'y'.repeat(200)}`)).toEqual([
    `line 2: ${TABLE_LINE_CHARS + 4} characters`,
  ])
  expect(phrasesIn('/**\n * A failure is told\n * of at once.\n */')).toEqual(['is told of'])
  expect(phrasesIn('// Nobody\n// knows')).toEqual(['Nobody'])
})
