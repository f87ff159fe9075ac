/** The docstrings of exported names show how they are used, in code that compiles. `test/mysql/docstrings.test.ts` runs it. */
import { execFile } from 'node:child_process'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { examples, moduleOf, namesThatNeedExamples } from '@leasehold/test-support/docstrings'
import { root } from '@leasehold/test-support/documents'
import { expect, test } from 'vitest'

const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')

const MAX_LINES = 10

test('every exported function, and every method of a unit of work, has an example', () => {
  const names = namesThatNeedExamples()
  expect(names).toContain('createUnitOfWork')
  expect(names).toContain('UnitOfWork.run')
  const shown = new Set(examples().map(({ name }) => name))
  expect(names.filter((name) => !shown.has(name))).toEqual([])
})

test(`examples have at most ${MAX_LINES} lines`, () => {
  const long = examples().filter(({ code }) => code.split('\n').length > MAX_LINES)
  expect(long.map(({ name }) => name)).toEqual([])
})

test('the examples of docstrings compile', async () => {
  // Within this member, so that the packages are found by their names.
  const folder = resolve(import.meta.dirname, '../.cache/docstrings')
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })
  for (const [index, example] of examples().entries()) {
    const code = moduleOf(example, '../../mysql/support/docstring-prelude.ts')
    await writeFile(join(folder, `${index}-${example.name}.ts`), code)
  }
  const compilerOptions = {
    noEmit: true,
    composite: false,
    declarationMap: false,
    // An example may end with the declaration of the name that it shows.
    noUnusedLocals: false,
    noUnusedParameters: false,
    types: ['node'],
  }
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ extends: join(root, 'tsconfig.base.json'), compilerOptions, include: ['*.ts'] }),
  )
  const compiled = promisify(execFile)(process.execPath, [tsc, '-p', folder])
  const { stdout } = await compiled.catch((error: unknown) => error as { stdout: string })
  expect(stdout).toBe('')
}, 60_000)
