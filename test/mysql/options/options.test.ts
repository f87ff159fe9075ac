import { UsageError } from '@leasehold/core'
import { mysqlBuilder, mysqlDriver, type MysqlDriverOptions } from '@leasehold/mysql'
import { CamelCasePlugin } from 'kysely'
import { describe, expect, test } from 'vitest'
import { accounts, useFixture } from '../support/fixture.ts'

const fixture = useFixture()

/** What the driver is refused with. */
function refusalOf(uri: string): string {
  try {
    mysqlDriver({ uri })
  } catch (error) {
    if (error instanceof UsageError) return error.message
    throw error
  }
  throw new Error(`${uri} was taken`)
}

describe('a uri', () => {
  test.each(['yes', 'require', 'on', 'ture', ''])(
    'that says ssl=%s says nothing about TLS, and is refused',
    (text) => {
      expect(refusalOf(`mysql://root@localhost/x?ssl=${text}`)).toContain(
        `ssl=true, 1, false or 0, got "${text}"`,
      )
    },
  )

  test.each([
    ['tls=true', 'expected no parameters but ssl and socketPath, got "tls"'],
    ['socketPath=', 'expected a value for socketPath'],
  ])('with ?%s is refused', (parameters, told) => {
    expect(refusalOf(`mysql://root@localhost/x?${parameters}`)).toContain(told)
  })

  test('that says it twice is refused', () => {
    expect(refusalOf('mysql://root@localhost/x?ssl=false&ssl=true')).toContain('more than once')
  })

  test.each(['true', 'TRUE', '1'])('that says ssl=%s means TLS', async (text) => {
    // Whatever the server makes of it, no session comes to be without: nobody vouches for its certificate.
    const uow = fixture.uow({ uri: `${fixture.database.uri}?ssl=${text}`, pool: { acquireTimeout: 500 } })
    await expect(uow.run(accounts.all())).rejects.toThrow(/certificate|secure connection/)
  })

  test.each(['false', 'False', '0'])('that says ssl=%s means none', async (text) => {
    expect(
      await fixture.uow({ uri: `${fixture.database.uri}?ssl=${text}` }).run(accounts.all()),
    ).toHaveLength(9)
  })

  test.each([
    ['a % that encodes nothing', '100%'],
    ['a #', '12#secret'],
    ['a ?', '12?secret'],
    ['a ? and what looks like a parameter', '12?socketPath=secret'],
    ['a /', '12/secret'],
  ])('with a password that has %s is refused, and the password not shown', (_, password) => {
    const refused = refusalOf(`mysql://root:${password}@localhost/x`)
    expect(refused).toMatch(/encodeURIComponent/)
    expect(refused).not.toMatch(/secret|100/)
  })

  test('is not overridden by options that are given as undefined', async () => {
    const uow = fixture.uow({
      host: undefined,
      port: undefined,
      socketPath: undefined,
      user: undefined,
      password: undefined,
      database: undefined,
      ssl: undefined,
      compress: undefined,
      connectTimeout: undefined,
      pipeline: undefined,
      preparedStatements: undefined,
      bigints: undefined,
      datetimes: undefined,
      exposeParameters: undefined,
      pool: { max: undefined, min: undefined, acquireTimeout: undefined, keepalive: undefined },
    })
    expect(await uow.run(accounts.all())).toHaveLength(9)
  })
})

test.each(['true', 1, null, []])('ssl can not be %j', (ssl) => {
  expect(() => mysqlDriver({ ssl: ssl as unknown as boolean })).toThrow(
    /ssl: expected true, false or an object/,
  )
})

test.each([
  [{ port: '3306' }, 'port: expected a value of type number, got string'],
  [{ port: 0 }, 'port: expected a whole number from 1 to 65535, got 0'],
  [{ port: 70_000 }, 'port: expected a whole number from 1 to 65535, got 70000'],
  [{ port: Number.NaN }, 'got NaN'],
  [{ password: 12_345 }, 'password: expected a value of type string, got number'],
  [{ uri: new URL('mysql://localhost') }, 'uri: expected a value of type string, got object'],
  [{ pipeline: 'no' }, 'pipeline: expected a value of type boolean, got string'],
  [{ pool: null }, 'pool: expected a value of type object, got null'],
  [{ pool: { max: '5' } }, 'pool.max: expected a value of type number, got string'],
  [{ pool: { maximum: 5 } }, 'pool.maximum: unknown option; known options: max, min, '],
  [{ connectionLimit: 5 }, 'connectionLimit: unknown option; known options: uri, host, '],
])('%j is refused, and no password shown', (options, told) => {
  let refused: unknown
  try {
    mysqlDriver(options as MysqlDriverOptions)
  } catch (error) {
    refused = error
  }
  expect(refused).toBeInstanceOf(UsageError)
  expect((refused as Error).message).toContain(told)
  expect((refused as Error).message).not.toContain('12345')
})

describe.each([2 ** 31, Number.POSITIVE_INFINITY, Number.NaN, -1, 0.5])('%j milliseconds', (time) => {
  test.each(['acquireTimeout', 'closeTimeout', 'maxLifetime', 'idleTimeout', 'keepalive'])(
    'are no %s of a pool',
    (name) => {
      expect(() => mysqlDriver({ pool: { [name]: time } })).toThrow(UsageError)
      expect(() => mysqlDriver({ pool: { [name]: time } })).toThrow(
        `pool.${name}: expected whole milliseconds`,
      )
    },
  )

  test('are no connectTimeout', () => {
    expect(() => mysqlDriver({ connectTimeout: time })).toThrow(/connectTimeout: expected whole milliseconds/)
  })
})

test('the longest times that a timer can wait for are taken', async () => {
  const longest = 2 ** 31 - 1
  const pool = {
    acquireTimeout: longest,
    closeTimeout: longest,
    maxLifetime: longest,
    idleTimeout: longest,
    keepalive: longest,
  }
  const uow = fixture.uow({ connectTimeout: longest, pool })
  expect(await uow.run(accounts.all())).toHaveLength(9)
  await uow.close()
})

test.each([undefined, null, 'mysql://localhost', 5, []])('the options can not be %j', (options) => {
  expect(() => mysqlDriver(options as never)).toThrow(/^mysqlDriver: expected an object of options, got /)
})

test('plugins of a builder are a list', () => {
  expect(() => mysqlBuilder({ plugins: new CamelCasePlugin() as never })).toThrow(
    /^mysqlBuilder: expected plugins to be an array/,
  )
})
