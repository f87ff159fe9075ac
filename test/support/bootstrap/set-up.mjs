import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { runQuietly } from './command.mjs'
import { onlyOneAtATime } from './only-one-at-a-time.mjs'
import { provideNode, providePnpm } from './toolchain.mjs'

/** Makes the checkout ready to run, with or without the bench, and gives back the environment to run in. */
export async function setUp(root, { withBench }) {
  return onlyOneAtATime(root, async () => {
    const cache = join(root, '.cache/toolchain')
    const withNode = withPath(process.env, await provideNode(cache))
    const withPnpm = withPath(withNode, await providePnpm(cache, withNode))
    await installDependencies(root, withPnpm, withBench)
    return withPath(withPnpm, [join(root, 'node_modules/.bin')])
  })
}

async function installDependencies(root, env, withBench) {
  if (!existsSync(join(root, 'node_modules'))) console.error('installing dependencies …')
  // CI: pnpm asks no questions.
  const filter = withBench ? [] : ['--filter', '!@leasehold/bench']
  await runQuietly('pnpm', ['install', '--frozen-lockfile', ...filter], {
    cwd: root,
    env: { ...env, CI: 'true' },
  })
}

function withPath(env, folders) {
  return { ...env, PATH: [...folders, env.PATH].join(delimiter) }
}
