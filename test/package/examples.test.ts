import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { codeOf, documents, root } from '@leasehold/test-support/documents'
import { expect, test } from 'vitest'

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')

/** Documents whose code is that of a file, which the tests run on the servers. */
const documentsOfFiles = [['docs/composition.md', 'test/mysql/support/order-page.ts']] as const

test('the examples of the documents compile', async () => {
  // Within this member, so that the packages are found by their names.
  const folder = resolve(import.meta.dirname, '../.cache/documents')
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  const examples = await Promise.all(
    documents.map(async (document) => ({ document, code: await codeOf(document) })),
  )
  const withCode = examples.filter(({ code }) => code !== '')
  expect(withCode.map(({ document }) => document)).toContain('README.md')
  for (const { document, code } of withCode) {
    await writeFile(join(folder, `${document.replaceAll('/', '-')}.ts`), `${code}\nexport {}\n`)
  }
  const compilerOptions = { noEmit: true, types: ['node'] }
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: join(root, 'tsconfig.base.json'), compilerOptions, include: ['*.ts'] }),
  )
  const compiled = promisify(execFile)(process.execPath, [tsc, '-p', folder])
  const { stdout } = await compiled.catch((error: unknown) => error as { stdout: string })
  expect(stdout).toBe('')
}, 60_000)

test.each(documentsOfFiles)('the code of %s is %s', async (document, file) => {
  expect(await codeOf(document)).toBe(await readFile(join(root, file), 'utf8'))
})
