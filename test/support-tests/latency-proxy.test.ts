import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { startLatencyProxy } from '@leasehold/test-support/latency-proxy'
import { afterAll, beforeAll, expect, test } from 'vitest'

let echo: Server
let target: { host: string; port: number }

beforeAll(async () => {
  echo = createServer({ allowHalfOpen: true }, (socket) => {
    socket.pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(echo, 'listening')
  target = { host: '127.0.0.1', port: (echo.address() as AddressInfo).port }
})

afterAll(() => {
  echo.close()
})

test.each([1, 10])('a round trip takes about %i ms', async (rttMs) => {
  const proxy = await startLatencyProxy({ target, rttMs })
  const measured = await proxy.measureRoundTrip()
  await proxy.stop()
  expect(measured).toBeGreaterThan(rttMs * 0.5)
  // Other test files keep the processors busy meanwhile.
  expect(measured).toBeLessThan(rttMs + 5)
})

test('a round trip is as long for what comes close behind', async () => {
  const proxy = await startLatencyProxy({ target, rttMs: 40 })
  const socket = connect(proxy.port, proxy.host)
  await once(socket, 'connect')
  const start = performance.now()
  socket.write('a')
  setTimeout(() => socket.write('b'), 10)
  let received = ''
  while (received.length < 2) received += String(((await once(socket, 'data')) as [Buffer])[0])
  const elapsed = performance.now() - start
  expect(received).toBe('ab')
  expect(elapsed).toBeGreaterThan(45)
  // One after the other, the two would take 80.
  expect(elapsed).toBeLessThan(75)
  socket.destroy()
  await proxy.stop()
})

test('a reader that lags behind gets every byte in order', async () => {
  const proxy = await startLatencyProxy({ target, rttMs: 2 })
  const socket = connect(proxy.port, proxy.host)
  const sent = Buffer.from(Uint32Array.from({ length: 8_000_000 }, (_, index) => index).buffer)
  socket.pause()
  socket.end(sent)
  setTimeout(() => socket.resume(), 200)
  const received = await buffer(socket)
  expect(received.equals(sent)).toBe(true)
  await proxy.stop()
})

test('a connection that breaks on one side breaks on the other', async () => {
  const proxy = await startLatencyProxy({ target: { host: '127.0.0.1', port: 1 }, rttMs: 1 })
  const socket = connect(proxy.port, proxy.host)
  const closed = new Promise((resolve) => {
    socket.on('error', () => {}).on('close', resolve)
  })
  await expect(closed).resolves.toBeDefined()
  await proxy.stop()
})
