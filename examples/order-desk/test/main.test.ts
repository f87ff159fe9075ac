import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

function demo(...args: string[]) {
  const main = join(import.meta.dirname, '../main.ts')
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

test('shows its options', () => {
  const { status, stdout } = demo('--help')

  expect(status).toBe(0)
  for (const option of ['url', 'clients', 'seconds', 'warehouses', 'rtt', 'report', 'orders']) {
    expect(stdout).toContain(`--${option} `)
  }
})

test.each([
  [['--clients', 'x'], /^--clients: expected .*\n$/],
  [['--orders', '/nowhere/orders'], /^--orders: cannot read .*\n$/],
  [['--report', '/nowhere/report'], /^--report: cannot write .*\n$/],
  [['--url', 'mysql://me:secret@127.0.0.1:1'], /^no connection to 127\.0\.0\.1:1 as me: .*\n$/],
])('tells in one line what is wrong with %j', (args, line) => {
  expect(demo(...args)).toEqual({ status: 1, stdout: '', stderr: expect.stringMatching(line) as string })
})
