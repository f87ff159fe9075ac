import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Assignment, dataFolder, processIdFile, type Step } from './assignment.ts'
import type { ServerProgram } from './program.ts'
import type { ServerAddress } from './test-server.ts'

export interface ServerSettings {
  readonly durable: boolean
  readonly args: readonly string[]
  /** Whether the server makes its own data; a node of a cluster is given that of another. Unless given, it does. */
  readonly initialize?: boolean
  /** Of the account; chosen at random unless given. */
  readonly password?: string
  /** Variables that the server is to have beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>
}

const bootstrapFile = 'bootstrap.sql'
const initFile = 'init.sql'

/** Everything it takes to start the program at the address with a new data folder. */
export function serverSteps(
  program: ServerProgram,
  address: ServerAddress,
  folder: string,
  settings: ServerSettings,
): Assignment {
  const command = (...args: string[]): Step['command'] => [
    ...program.command,
    '--no-defaults',
    ...storageOptions(program, folder, settings.durable),
    ...args,
  ]
  const serve: Step = {
    command: command(...serviceOptions(address, folder), ...settings.args),
    ...(settings.environment && { environment: settings.environment }),
  }
  const files = { [initFile]: createUser(address) }

  if (settings.initialize === false) return { folder, files, steps: [serve] }
  return program.kind === 'mysql'
    ? { folder, files, steps: [{ command: command('--initialize-insecure') }, serve] }
    : {
        folder,
        files: { ...files, [bootstrapFile]: mariadbSystemTables(program) },
        steps: [{ command: command('--bootstrap'), input: bootstrapFile }, serve],
      }
}

function storageOptions(program: ServerProgram, folder: string, durable: boolean): string[] {
  return [
    ...(program.baseFolder === undefined ? [] : [`--basedir=${program.baseFolder}`]),
    // Both servers refuse to run as root unless told so.
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
    `--datadir=${join(folder, dataFolder)}`,
    `--tmpdir=${folder}`,
    '--character-set-server=utf8mb4',
    '--innodb-buffer-pool-size=256M',
    '--skip-log-bin',
    '--performance-schema=OFF',
    ...(durable ? [] : ['--innodb-flush-log-at-trx-commit=0', '--innodb-doublewrite=OFF']),
    ...(program.kind === 'mysql' ? ['--secure-file-priv=NULL', '--mysqlx=OFF'] : []),
  ]
}

function serviceOptions(address: ServerAddress, folder: string): string[] {
  return [
    '--skip-networking=0',
    `--bind-address=${address.host}`,
    `--port=${address.port}`,
    `--socket=${join(folder, 'socket')}`,
    `--pid-file=${join(folder, processIdFile)}`,
    `--init-file=${join(folder, initFile)}`,
    // Accounts are matched by address, so that no other account named by a host comes before ours.
    '--skip-name-resolve',
    '--max-connections=300',
    // The server allows what the client has to refuse.
    '--local-infile=1',
  ]
}

/** One statement a line: init files know no other form. Run at every start, of which a crash makes several. */
function createUser({ kind, user, password }: ServerAddress): string {
  const identified =
    kind === 'mysql'
      ? `identified with caching_sha2_password by '${password}'`
      : `identified via mysql_native_password using password('${password}')`
  return [
    `create user if not exists '${user}'@'%' ${identified};`,
    `grant all privileges on *.* to '${user}'@'%' with grant option;`,
    '',
  ].join('\n')
}

/**
 * What mariadb-install-db would feed to the server. The script itself needs programs of a package that the
 * server does without.
 */
function mariadbSystemTables(program: ServerProgram): string {
  const [executable] = program.command
  const prefix = dirname(dirname(executable))
  const share = ['share/mysql', 'share/mariadb']
    .map((folder) => join(prefix, folder))
    .find(
      (folder) =>
        existsSync(join(folder, 'mysql_system_tables.sql')) ||
        existsSync(join(folder, 'mariadb_system_tables.sql')),
    )
  if (share === undefined)
    throw new Error(`expected mysql_system_tables.sql in ${prefix}/share/mysql, found none`)
  const script = (name: string) => {
    const [older, newer] = [join(share, `mysql_${name}.sql`), join(share, `mariadb_${name}.sql`)]
    return readFileSync(existsSync(newer) ? newer : older, 'utf8')
  }
  return [
    'create database mysql;',
    'use mysql;',
    'set @auth_root_socket = null;',
    'set @skip_auth_anonymous = 1;',
    script('system_tables'),
    script('system_tables_data'),
  ].join('\n')
}
