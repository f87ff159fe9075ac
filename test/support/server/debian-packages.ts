import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './run.ts'

/**
 * Packages of a Debian suite, which need not be the system's. apt works on lists, a cache and a status file of its own,
 * so nothing of it shows in the system; its keys are the system's, so signatures are checked.
 */
export class DebianPackages {
  readonly #folder: string
  readonly #options: readonly string[]

  private constructor(folder: string) {
    this.#folder = folder
    this.#options = [
      ['Dir::Etc::SourceList', join(folder, 'sources.list')],
      ['Dir::Etc::SourceParts', '/dev/null'],
      ['Dir::Etc::Preferences', '/dev/null'],
      ['Dir::Etc::PreferencesParts', '/dev/null'],
      ['Dir::State', join(folder, 'state')],
      // Empty, so that every dependency counts as missing and is downloaded.
      ['Dir::State::Status', join(folder, 'status')],
      ['Dir::Cache', join(folder, 'cache')],
      ['APT::Install-Recommends', 'false'],
      // apt's unprivileged user cannot write to this folder.
      ['APT::Sandbox::User', 'root'],
    ].flatMap(([name, value]) => ['-o', `${name}=${value}`])
  }

  static async open(folder: string, suite: string): Promise<DebianPackages> {
    const packages = new DebianPackages(folder)
    await mkdir(join(folder, 'state/lists/partial'), { recursive: true })
    await mkdir(join(folder, 'cache/archives/partial'), { recursive: true })
    await writeFile(join(folder, 'status'), '')
    await writeFile(
      join(folder, 'sources.list'),
      `deb ${await systemMirror(join(folder, 'state'))} ${suite} main\n`,
    )
    await packages.#apt('apt-get', 'update')
    return packages
  }

  async versionOf(packageName: string): Promise<string> {
    const output = await this.#apt('apt-cache', 'show', '--no-all-versions', packageName)
    const version = /^Version: (\S+)$/m.exec(output)?.[1]
    if (version === undefined)
      throw new Error(`apt-cache show ${packageName}: expected a version, got\n${output}`)
    return version
  }

  async unpack(packageName: string, destination: string): Promise<void> {
    await this.#apt('apt-get', 'install', '-y', '--download-only', packageName)
    const archives = join(this.#folder, 'cache/archives')
    await mkdir(destination, { recursive: true })
    for (const file of await readdir(archives)) {
      if (file.endsWith('.deb')) await run('dpkg', ['-x', join(archives, file), destination])
    }
    await rm(archives, { recursive: true })
  }

  /** Without what it depends on, for those who know that it is there. */
  async unpackAlone(packageName: string, destination: string): Promise<void> {
    const archives = join(this.#folder, 'alone')
    await mkdir(archives)
    await mkdir(destination, { recursive: true })
    await run('apt-get', [...this.#options, 'download', packageName], { folder: archives })
    for (const file of await readdir(archives)) await run('dpkg', ['-x', join(archives, file), destination])
    await rm(archives, { recursive: true })
  }

  #apt(command: 'apt-get' | 'apt-cache', ...args: string[]): Promise<string> {
    return run(command, [...this.#options, ...args])
  }
}

/**
 * Where this machine gets its Debian packages from: a mirror it can reach, whatever its network. Asked of apt
 * in a way that works before its lists were ever downloaded, and without the right to download them.
 */
async function systemMirror(stateFolder: string): Promise<string> {
  const uris = await run('apt-get', ['-o', `Dir::State=${stateFolder}`, 'update', '--print-uris'])
  // Suites with a hyphen are additions, such as security updates, that not every mirror has beside the others.
  const mirror = /^'(\S+)\/dists\/[^/-]+\/InRelease'/m.exec(uris)?.[1]
  if (mirror === undefined) {
    throw new Error(
      `apt-get update --print-uris: expected the InRelease file of a Debian release, got\n${uris}`,
    )
  }
  return mirror
}
