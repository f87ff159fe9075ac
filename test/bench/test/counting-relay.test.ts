import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { expect, test } from 'vitest'
import { startCountingRelay } from '../runner/counting-relay.ts'

test('a round trip is what is sent after an answer, in however many pieces', async () => {
  const echo = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
  await once(echo, 'listening')
  const relay = await startCountingRelay(`mysql://127.0.0.1:${(echo.address() as AddressInfo).port}`, 50)
  const { hostname, port } = new URL(relay.uri)
  const client = connect({ host: hostname, port: Number(port), noDelay: true })
  try {
    const counts = await relay.count(async () => {
      client.write('one ')
      setTimeout(() => client.write('flight'), 10)
      await once(client, 'data')
      client.write('another')
      await once(client, 'data')
    })
    expect(counts).toEqual({ roundTrips: 2, bytesSent: 17, bytesReceived: 17 })
  } finally {
    client.destroy()
    await relay.stop()
    echo.close()
  }
})
