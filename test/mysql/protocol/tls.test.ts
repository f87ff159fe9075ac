/** Whom a certificate must have been made for: the host that was given, be it a name or an address. */
import { createUnitOfWork, one, type UnitOfWork } from '@leasehold/core'
import { mysqlDriver, type MysqlDriverOptions } from '@leasehold/mysql'
import { startServer, type TestServer } from '@leasehold/test-support/server'
import { sql } from 'kysely'
import { createConnection } from 'mysql2/promise'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { type Certificate, createCertificate } from '../support/certificates.ts'
import { db } from '../support/fixture.ts'

const { kind } = inject('server')
const cipher = one(sql<{ Value: string }>`show status like 'Ssl_cipher'`.compile(db)).map(
  ({ Value }) => Value,
)

let certificate: Certificate
let server: TestServer
const units: UnitOfWork[] = []

beforeAll(async () => {
  certificate = await createCertificate()
  await certificate.make('DNS:nowhere')
  server = await startServer({ kind, args: certificate.args })
})
afterEach(() => Promise.all(units.splice(0).map((uow) => uow.close())))
afterAll(async () => {
  await server.stop()
  await certificate.remove()
})

/** Has the server show a certificate for this name. */
async function shown(name: string): Promise<string> {
  const ca = await certificate.make(name)
  const admin = await createConnection(server.uri())
  await admin.query(kind === 'mysql' ? 'alter instance reload tls' : 'flush ssl')
  await admin.end()
  return ca
}

function uowOf(host: string, ssl: MysqlDriverOptions['ssl']): UnitOfWork {
  const { port, user, password } = server
  const uow = createUnitOfWork({ driver: mysqlDriver({ host, port, user, password, ssl }) })
  units.push(uow)
  return uow
}

describe.each([
  ['an address', 'IP:127.0.0.1', '127.0.0.1', 'localhost'],
  ['a name', 'DNS:localhost', 'localhost', '127.0.0.1'],
])('a certificate for %s', (_, name, own, other) => {
  let ca: string
  beforeAll(async () => {
    ca = await shown(name)
  })

  test('serves who asks for it, on each connection', async () => {
    const uow = uowOf(own, { ca })
    const ciphers = await Promise.all(Array.from({ length: 5 }, () => uow.run(cipher)))
    for (const each of ciphers) expect(each).not.toBe('')
    expect(uow.stats().created).toBeGreaterThan(1)
  })

  test('is refused for another, again and again', async () => {
    const uow = uowOf(other, { ca })
    for (let times = 0; times < 3; times++) {
      await expect(uow.run(cipher)).rejects.toThrow(/does not match certificate/)
      await new Promise((resolve) => setTimeout(resolve, 600))
    }
  })

  test('is refused where nobody vouches for it', async () => {
    await expect(uowOf(own, true).run(cipher)).rejects.toThrow(/self-signed certificate/)
  })

  test.each([{ verifyIdentity: false }, { rejectUnauthorized: false }])(
    'serves another with %j',
    async (unchecked) => {
      expect(await uowOf(other, { ca, ...unchecked }).run(cipher)).not.toBe('')
    },
  )
})
