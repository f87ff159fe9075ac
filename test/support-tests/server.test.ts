import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createDatabase } from '@leasehold/test-support/database'
import { startServer, type ServerAddress } from '@leasehold/test-support/server'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'leasehold-tests-'))
  vi.stubEnv('TMPDIR', folder)
})

afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

describe('a server', () => {
  test('is up when it is handed over, and leaves nothing when it is stopped', async () => {
    const server = await startServer({ kind: 'mariadb' })
    const database = await createDatabase(server)
    const { pid } = await locate(server)
    expect(server).toMatchObject({ kind: 'mariadb', embedded: true })
    expect(server.version).toMatch(/^\d+\.\d+\.\d+-MariaDB$/)
    expect(
      await ask(
        server,
        `select count(*) as value from information_schema.schemata where schema_name = '${database.name}'`,
      ),
    ).toBe(1)

    await server.stop()
    await server.stop()

    expect(isAlive(pid)).toBe(false)
    expect(readdirSync(folder)).toEqual([])
  })

  test('says what its log says when it does not start', async () => {
    await expect(startServer({ kind: 'mariadb', args: ['--no-such-option'] })).rejects.toThrow(
      /unknown option.*no-such-option/,
    )
    expect(readdirSync(folder)).toEqual([])
  })

  test('of somebody else is used and left alone', async () => {
    const theirs = await startServer({ kind: 'mariadb' })
    vi.stubEnv('DATABASE_URL', theirs.uri())
    const server = await startServer()
    expect(server).toMatchObject({ kind: 'mariadb', embedded: false, port: theirs.port })
    await server.stop()
    expect(await ask(theirs, 'select 1 as value')).toBe(1)
    await theirs.stop()
  })
})

describe.each(['mariadb', 'mysql'] as const)('a durable server of %s that crashes', (kind) => {
  test('has what was committed when it is back, and leaves nothing when it is stopped', async () => {
    const server = await startServer({ kind, durable: true })
    await createTable(server)
    const before = await locate(server)

    await server.crash()

    expect(await ask(server, 'select value from kept.facts')).toBe(42)
    const after = await locate(server)
    expect(after.dataFolder).toBe(before.dataFolder)
    expect(isAlive(before.pid)).toBe(false)
    expect(isAlive(after.pid)).toBe(true)

    await server.stop()

    expect(isAlive(after.pid)).toBe(false)
    expect(readdirSync(folder)).toEqual([])
    await expect(server.crash()).rejects.toThrow(/could not be crashed/)
  })
})

async function createTable(server: ServerAddress): Promise<void> {
  await ask(server, 'create database kept')
  await ask(server, 'create table kept.facts (value int) engine = innodb')
  await ask(server, 'insert into kept.facts values (42)')
}

describe('a process that is killed', () => {
  test('takes its server with it', async () => {
    const child = startServerInChild()
    const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer]
    const { pid, dataFolder } = await locate(JSON.parse(line.toString()) as ServerAddress)
    expect(isAlive(pid)).toBe(true)
    expect(existsSync(dataFolder)).toBe(true)

    child.kill('SIGKILL')

    await vi.waitFor(() => {
      expect(isAlive(pid)).toBe(false)
      expect(readdirSync(folder)).toEqual([])
    }, 5000)
  })

  test('leaves nothing of a server that was about to start', async () => {
    const child = startServerInChild()
    await vi.waitFor(
      () => {
        expect(readdirSync(folder)).toHaveLength(1)
      },
      { timeout: 5000, interval: 5 },
    )

    child.kill('SIGKILL')

    await vi.waitFor(() => {
      expect(readdirSync(folder)).toEqual([])
    }, 5000)
  })
})

function startServerInChild(): ChildProcess {
  const program = `
    import { startServer } from '@leasehold/test-support/server'
    const server = await startServer({ kind: 'mariadb' })
    console.log(JSON.stringify(server))
    setInterval(() => {}, 1000)
  `
  return spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: import.meta.dirname,
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

async function locate(server: ServerAddress): Promise<{ pid: number; dataFolder: string }> {
  const dataFolder = String(await ask(server, 'select @@datadir as value'))
  return { pid: Number(await readFile(join(dirname(dataFolder), 'pid'), 'utf8')), dataFolder }
}

async function ask({ host, port, user, password }: ServerAddress, sql: string): Promise<unknown> {
  const connection = await createConnection({ host, port, user, password })
  const [rows] = await connection.query<RowDataPacket[]>(sql)
  await connection.end()
  return rows[0]?.['value']
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
