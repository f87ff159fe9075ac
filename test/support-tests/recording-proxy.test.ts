import { commandOf, startRecordingProxy, type RecordingProxy } from '@leasehold/test-support/recording-proxy'
import { startServer, type TestServer } from '@leasehold/test-support/server'
import { createConnection, type Connection } from 'mysql2/promise'
import { afterAll, beforeAll, expect, test } from 'vitest'

let server: TestServer

beforeAll(async () => {
  server = await startServer({ kind: 'mariadb' })
})

afterAll(() => server.stop())

test('hears both sides in order, whole packets, and names the commands', async () => {
  const proxy = await startRecordingProxy({ target: server })
  const connection = await connectThrough(proxy)
  const long = 'x'.repeat(200_000)
  await connection.query(`select '${long}'`)
  await connection.execute('select ?', [1])
  await connection.ping()
  await connection.reset()

  const packets = proxy.conversations[0]?.packets ?? []
  expect(packets[0]).toMatchObject({ from: 'server', sequence: 0 })
  expect(packets[1]).toMatchObject({ from: 'client', sequence: 1 })
  expect(packets.map(commandOf).filter((command) => command !== undefined)).toEqual([
    { name: 'COM_QUERY', sql: `select '${long}'` },
    { name: 'COM_STMT_PREPARE', sql: 'select ?' },
    { name: 'COM_STMT_EXECUTE' },
    { name: 'COM_PING' },
    { name: 'COM_RESET_CONNECTION' },
  ])
  expect(packets.every((packet, index) => index === 0 || packet.at >= (packets[index - 1]?.at ?? 0))).toBe(
    true,
  )
  await connection.end()
  await proxy.stop()
})

test('can cut a conversation before a packet is forwarded', async () => {
  const proxy = await startRecordingProxy({
    target: server,
    onPacket: (packet) => (commandOf(packet)?.sql === 'commit' ? 'cut' : 'forward'),
  })
  const connection = await connectThrough(proxy)
  await connection.query('begin')
  await expect(connection.query('commit')).rejects.toMatchObject({ fatal: true })
  expect(proxy.conversations[0]?.isOpen).toBe(false)
  await proxy.stop()
})

test('can lose the answer to a packet', async () => {
  let lost = false
  const proxy = await startRecordingProxy({
    target: server,
    onPacket: (packet, { packets }) => {
      lost ||= packet.from === 'server' && packets.some((earlier) => commandOf(earlier)?.sql === 'do 1')
      return lost ? 'drop' : 'forward'
    },
  })
  const connection = await connectThrough(proxy)
  const answer = connection.query({ sql: 'do 1', timeout: 200 })
  await expect(answer).rejects.toMatchObject({ code: 'PROTOCOL_SEQUENCE_TIMEOUT' })
  expect(lost).toBe(true)
  connection.destroy()
  await proxy.stop()
})

test('can stall a conversation and let it go on', async () => {
  const proxy = await startRecordingProxy({ target: server })
  const connection = await connectThrough(proxy)
  proxy.pause()
  const start = performance.now()
  const answer = connection.query('do 1')
  setTimeout(() => {
    proxy.resume()
  }, 200)
  await answer
  expect(performance.now() - start).toBeGreaterThan(190)
  await connection.end()
  await proxy.stop()
})

function connectThrough({ host, port }: RecordingProxy): Promise<Connection> {
  return createConnection({ host, port, user: server.user, password: server.password })
}
