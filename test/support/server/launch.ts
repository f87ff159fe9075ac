import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection } from 'mysql2/promise'
import { freePort } from './free-port.ts'
import { logFile, processIdFile } from './assignment.ts'
import { type GuardianProcess, startGuardian } from './guardian-process.ts'
import type { ServerProgram } from './program.ts'
import { lastLines } from './run.ts'
import { type ServerSettings, serverSteps } from './server-steps.ts'
import { type ServerAddress, type TestServer, uriOf } from './test-server.ts'

const patienceMs = 60_000
const attempts = 5

export async function launch(program: ServerProgram, settings: ServerSettings): Promise<TestServer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await launchOnce(program, settings)
    } catch (error) {
      // Somebody took the port between our look at it and the server's.
      const portTaken = error instanceof Error && /address already in use/i.test(error.message)
      if (!portTaken || attempt === attempts) throw error
    }
  }
}

async function launchOnce(program: ServerProgram, settings: ServerSettings): Promise<TestServer> {
  // Short, because the path of a socket has room for about a hundred characters.
  const folder = join(tmpdir(), `leasehold-${randomBytes(6).toString('hex')}`)
  const address: ServerAddress = {
    kind: program.kind,
    version: program.version,
    host: '127.0.0.1',
    port: await freePort(),
    user: 'leasehold',
    password: settings.password ?? randomBytes(12).toString('hex'),
  }
  const guardian = startGuardian(serverSteps(program, address, folder, settings))
  try {
    await untilReady(address, guardian)
  } catch (error) {
    const log = await readFile(join(folder, logFile), 'utf8').catch(() => '')
    await guardian.stop()
    throw new Error(
      `${program.kind} ${program.version} did not start: its log ends with\n${lastLines(log)}`,
      {
        cause: error,
      },
    )
  }
  return {
    ...address,
    embedded: true,
    uri: (database) => uriOf(address, database),
    processId: async () => Number(await readFile(join(folder, processIdFile), 'utf8')),
    async crash() {
      await guardian.crash()
      await untilReady(address, guardian)
    },
    stop: () => guardian.stop(),
  }
}

/** Ready means that our own account can log in: another server at this port would not let it. */
async function untilReady(address: ServerAddress, guardian: GuardianProcess): Promise<void> {
  const { host, port, user, password } = address
  const deadline = Date.now() + patienceMs
  for (;;) {
    try {
      const connection = await createConnection({ host, port, user, password })
      await connection.end()
      return
    } catch (error) {
      const reason = guardian.ended()
      if (reason !== undefined) throw new Error(reason, { cause: error })
      if (Date.now() > deadline) throw new Error(`no login after ${patienceMs / 1000} s`, { cause: error })
      await sleep(50)
    }
  }
}
