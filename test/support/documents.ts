/** The documents of the repository, and the code in them. */
import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'

export const root: string = resolve(import.meta.dirname, '../..')

export const documents: readonly string[] = ['README.md', ...globSync('docs/*.md', { cwd: root })]

/** The TypeScript of a document, its blocks one behind the other as a reader meets them. */
export async function codeOf(document: string): Promise<string> {
  const text = await readFile(join(root, document), 'utf8')
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code).join('\n')
}
