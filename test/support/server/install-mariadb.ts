import { setTimeout as sleep } from 'node:timers/promises'
import { findExecutable } from './program.ts'
import { CommandError, run } from './run.ts'

const packageName = 'mariadb-server-core'
const lockPatienceMs = 300_000

/** Installs MariaDB from the system's own packages. */
export async function installMariadb(log: (line: string) => void): Promise<void> {
  const [file, ...prefix] = await packageManager()
  log(`installing ${packageName} …`)
  const aptGet = (...args: string[]) =>
    whenUnlocked(() =>
      run(file, [...prefix, '-o', `DPkg::Lock::Timeout=${lockPatienceMs / 1000}`, ...args], {
        env: { DEBIAN_FRONTEND: 'noninteractive' },
      }),
    )
  await aptGet('update')
  await aptGet('install', '-y', '--no-install-recommends', packageName)
}

async function packageManager(): Promise<[string, ...string[]]> {
  const aptGet = findExecutable('apt-get')
  if (aptGet !== undefined) {
    if (process.getuid?.() === 0) return [aptGet]
    if (await hasPasswordlessSudo()) return ['sudo', '-n', 'DEBIAN_FRONTEND=noninteractive', aptGet]
  }
  throw new Error(
    `no database server: expected mariadbd or mysqld on the PATH, or DATABASE_URL; ` +
      `install one (Debian, Ubuntu: sudo apt-get install ${packageName}) or set DATABASE_URL`,
  )
}

async function hasPasswordlessSudo(): Promise<boolean> {
  return run('sudo', ['-n', 'true']).then(
    () => true,
    () => false,
  )
}

/** apt waits for the lock of dpkg by itself, but not for that of its package lists. */
async function whenUnlocked(command: () => Promise<string>): Promise<void> {
  const deadline = Date.now() + lockPatienceMs
  for (;;) {
    try {
      await command()
      return
    } catch (error) {
      const locked = error instanceof CommandError && error.output.includes('Could not get lock')
      if (!locked || Date.now() > deadline) throw error
      await sleep(1000)
    }
  }
}
