/**
 * Entry point of `npm test` and `npm run demo`, `soak`, `adversary`, `differential`, `bench` or `bench:abort`: makes a fresh checkout
 * ready, then runs the command with the arguments that follow. Plain JavaScript without dependencies, because it runs on Node 20
 * before anything is installed.
 */
import { join, resolve } from 'node:path'
import { SetUpError } from './command.mjs'
import { runInForeground } from './foreground.mjs'
import { setUp } from './set-up.mjs'

const root = resolve(import.meta.dirname, '../../..')

const commands = {
  test: (args) => ['node', [join(root, 'test/support/test-run/main.ts'), ...args], root],
  // npm changes to the root; file options are relative to where the user is.
  demo: (args) => ['node', [join(root, 'examples/order-desk/main.ts'), ...args], process.env.INIT_CWD],
  soak: (args) => ['node', [join(root, 'test/soak/main.ts'), ...args], process.env.INIT_CWD],
  adversary: (args) => ['node', [join(root, 'test/adversary/main.ts'), ...args], process.env.INIT_CWD],
  differential: (args) => ['node', [join(root, 'test/differential/main.ts'), ...args], process.env.INIT_CWD],
  bench: (args) => ['node', [join(root, 'test/bench/main.ts'), ...args], process.env.INIT_CWD],
  'bench:abort': (args) => ['node', [join(root, 'test/bench/abort.ts'), ...args], process.env.INIT_CWD],
  /** Any program of the toolchain or of the workspace. */
  exec: ([file, ...args]) => [file, args, root],
}

/** The others do without the bench, whose peers are many packages. */
const needBench = new Set(['bench', 'exec'])

/** What tells times does so as in production, where nothing is looked at for the sake of warnings. */
const timed = new Set(['demo', 'soak', 'adversary', 'differential', 'bench', 'bench:abort'])

async function main([name, ...args]) {
  const command = commands[name]
  if (command === undefined || (name === 'exec' && args.length === 0)) {
    throw new SetUpError(
      `expected one of: test, demo, soak, adversary, differential, bench, bench:abort, exec <program>; got: ${name ?? 'nothing'}`,
    )
  }
  const environment = await setUp(root, { withBench: needBench.has(name) })
  const [file, commandArgs, folder = process.cwd()] = command(args)
  const env = timed.has(name) ? { NODE_ENV: 'production', ...environment } : environment
  await runInForeground(file, commandArgs, { cwd: folder, env })
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof SetUpError)) throw error
  console.error(error.message)
  if (process.argv[2] === 'test') console.log('0 passed, 1 failed')
  process.exitCode = 1
}
