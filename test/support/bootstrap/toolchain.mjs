import { randomUUID } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { runQuietly, SetUpError } from './command.mjs'

const nodeVersion = '24.21.0'
const pnpmVersion = '12.21.0'
const bunVersion = '1.4.5'
const denoVersion = '2.9.6'

/** Folders to put on the PATH so that `node` runs TypeScript as it is (22.18 and later do). */
export async function provideNode(cache) {
  if (process.features.typescript) return [dirname(process.execPath)]
  return [
    await provide(cache, `Node ${nodeVersion}`, `node-${process.platform}-${process.arch}`, nodeVersion),
  ]
}

/** Folders to put on the PATH so that `pnpm` has the major version that wrote the lock file. */
export async function providePnpm(cache, env) {
  const present = await runQuietly('pnpm', ['--version'], { env }).catch(() => '')
  if (present.split('.')[0] === pnpmVersion.split('.')[0]) return []
  return [await provide(cache, `pnpm ${pnpmVersion}`, 'pnpm', pnpmVersion)]
}

/**
 * The programs of the other runtimes that the packages are tried on.
 */
export async function provideRuntimes(cache) {
  const bun = await provide(cache, `Bun ${bunVersion}`, 'bun', bunVersion)
  const deno = await provide(cache, `Deno ${denoVersion}`, 'deno', denoVersion)
  // An install script would put the one for this platform into the place of the other, and none is run.
  const [platform = ''] = readdirSync(join(bun, '../@oven'))
  return { bun: join(bun, '../@oven', platform, 'bin/bun'), deno: join(deno, 'deno') }
}

async function provide(cache, title, packageName, version) {
  const folder = join(cache, `${packageName}-${version}`)
  if (!existsSync(folder)) {
    console.error(`installing ${title} …`)
    await installPackage(packageName, version, folder).catch((error) => {
      throw new SetUpError(
        `${title} could not be installed; install it yourself and try again\n${error.message}`,
      )
    })
  }
  return join(folder, 'node_modules/.bin')
}

/** The rename at the end makes the folder appear whole or not at all. */
async function installPackage(packageName, version, folder) {
  const partial = `${folder}.partial-${randomUUID()}`
  await mkdir(partial, { recursive: true })
  try {
    // Without a package of its own, npm would install into the one around it.
    await writeFile(join(partial, 'package.json'), '{ "private": true }\n')
    await runQuietly(
      'npm',
      ['install', '--ignore-scripts', '--no-audit', '--no-fund', `${packageName}@${version}`],
      {
        cwd: partial,
        env: withSystemCertificates(withoutNpmSettings(process.env)),
      },
    )
    await rename(partial, folder)
  } finally {
    await rm(partial, { recursive: true, force: true })
  }
}

/** Node's own certificates are not all that a machine trusts, as where a registry is behind a proxy. */
function withSystemCertificates(env) {
  const flag = '--use-system-ca'
  if (!process.allowedNodeEnvironmentFlags.has(flag)) return env
  return { ...env, NODE_OPTIONS: [env.NODE_OPTIONS, flag].filter(Boolean).join(' ') }
}

/** Under `npm run`, npm hands its settings down, the root of this project among them. */
function withoutNpmSettings(env) {
  const local = new Set(['npm_config_local_prefix', 'npm_config_prefix', 'npm_config_workspace', 'INIT_CWD'])
  return Object.fromEntries(Object.entries(env).filter(([name]) => !local.has(name)))
}
