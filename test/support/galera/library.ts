import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { DebianPackages } from '../server/debian-packages.ts'

const packageName = 'galera-4'
/** Where the package puts it. */
const libraryPath = 'usr/lib/galera/libgalera_smm.so'
const cacheFolder = resolve(import.meta.dirname, '../../../.cache/galera')

/**
 * Galera's library, which MariaDB loads: the system's, or that of this Debian release, unpacked into a folder of its own.
 * The library needs no other that MariaDB itself does not need.
 */
export async function galeraLibrary(): Promise<string> {
  const [newest] = await cachedVersions()
  const present = [join('/', libraryPath), ...(newest === undefined ? [] : [inVersion(newest)])]
  const found = present.find((path) => existsSync(path))
  if (found !== undefined) return found

  try {
    return inVersion(await unpack())
  } catch (cause) {
    throw new Error(
      `no Galera: expected ${join('/', libraryPath)}, or a Debian mirror to unpack ${packageName} from; ` +
        `install it (sudo apt-get install ${packageName}), or run the tests of other projects (--project core)\n` +
        String(cause),
      { cause },
    )
  }
}

async function unpack(): Promise<string> {
  const workFolder = join(cacheFolder, `.unpacking-${randomUUID()}`)
  await mkdir(workFolder, { recursive: true })
  try {
    const packages = await DebianPackages.open(join(workFolder, 'apt'), await release())
    const version = await packages.versionOf(packageName)
    const root = join(workFolder, 'root')
    await packages.unpackAlone(packageName, root)
    // A rename shows the folder whole or not at all; when another process was first, its copy serves as well.
    await rename(root, join(cacheFolder, version)).catch((error: unknown) => {
      if (!existsSync(inVersion(version))) throw error
    })
    if (!existsSync(inVersion(version))) throw new Error(`${packageName} ${version} has no ${libraryPath}`)
    return version
  } finally {
    await rm(workFolder, { recursive: true, force: true })
  }
}

async function cachedVersions(): Promise<string[]> {
  const entries = await readdir(cacheFolder).catch((): string[] => [])
  return entries
    .filter((entry) => !entry.startsWith('.'))
    .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
}

function inVersion(version: string): string {
  return join(cacheFolder, version, libraryPath)
}

/** The system's own, because the library is to fit the system's MariaDB. */
async function release(): Promise<string> {
  const description = await readFile('/etc/os-release', 'utf8')
  const name = /^VERSION_CODENAME="?([\w-]+)"?$/m.exec(description)?.[1]
  if (name === undefined) throw new Error(`/etc/os-release: expected a VERSION_CODENAME, got\n${description}`)
  return name
}
