import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { DebianPackages } from './debian-packages.ts'
import { identify, type ServerProgram } from './program.ts'

const packageName = 'mysql-server-core'
const cacheFolder = resolve(import.meta.dirname, '../../../.cache/mysql')

/**
 * MySQL as Debian's unstable suite packages it, with every library it needs down to libc, in a folder of its
 * own: it runs on any Debian and leaves the system's packages alone.
 */
export async function unpackMysql(log: (line: string) => void): Promise<ServerProgram> {
  const [newest] = await cachedVersions()
  if (newest !== undefined) return programIn(join(cacheFolder, newest))

  try {
    return await programIn(await downloadInto(cacheFolder, log))
  } catch (cause) {
    throw new Error(
      `no MySQL: expected mysqld >= 8.4 on the PATH, or a Debian mirror to unpack it from; ` +
        `install it, or leave it out of the tests with LEASEHOLD_SERVERS=mariadb\n${String(cause)}`,
      { cause },
    )
  }
}

async function downloadInto(destination: string, log: (line: string) => void): Promise<string> {
  const workFolder = join(destination, `.unpacking-${randomUUID()}`)
  await mkdir(workFolder, { recursive: true })
  try {
    const packages = await DebianPackages.open(join(workFolder, 'apt'), 'sid')
    const version = await packages.versionOf(packageName)
    log(`unpacking MySQL ${version} …`)
    const root = join(workFolder, 'root')
    await packages.unpack(packageName, root)
    // Only what runs is kept.
    await programIn(root)
    return await publish(root, join(destination, version))
  } finally {
    await rm(workFolder, { recursive: true, force: true })
  }
}

async function cachedVersions(): Promise<string[]> {
  const entries = await filesIn(cacheFolder)
  const versions = entries.filter((entry) => !entry.startsWith('.'))
  return versions.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
}

/** A rename shows the folder whole or not at all; when another process was first, its copy serves as well. */
async function publish(folder: string, destination: string): Promise<string> {
  await rename(folder, destination).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
  })
  return destination
}

/** The system's own loader and libc may be too old for these libraries, so theirs are named explicitly. */
async function programIn(root: string): Promise<ServerProgram> {
  const libraries = await libraryFolder(join(root, 'usr/lib'))
  const loader = (await readdir(libraries)).find((name) => /^ld-linux.*\.so\.\d+$/.test(name))
  if (loader === undefined)
    throw new Error(`expected a dynamic loader (ld-linux*.so.*) in ${libraries}, found none`)
  return identify(
    [join(libraries, loader), '--library-path', libraries, join(root, 'usr/sbin/mysqld')],
    join(root, 'usr'),
  )
}

async function libraryFolder(folder: string): Promise<string> {
  for (const triplet of await readdir(folder)) {
    const files = await filesIn(join(folder, triplet))
    if (files.includes('libc.so.6')) return join(folder, triplet)
  }
  throw new Error(`expected libc.so.6 in a folder of ${folder}, found none`)
}

async function filesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => [])
}
