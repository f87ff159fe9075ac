import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { isPipelined, startRecordingProxy, type Verdict } from '@leasehold/test-support/recording-proxy'
import { afterAll, beforeAll, expect, test } from 'vitest'

/** Packets of the MySQL protocol: a COM_PING and its answer. */
const PING = Buffer.from([1, 0, 0, 0, 0x0e])
const OK = Buffer.from([1, 0, 0, 1, 0x00])

let server: Server
let arrived = 0
let closed: Promise<unknown>
beforeAll(async () => {
  server = createServer((socket) => {
    closed = once(socket, 'close')
    socket.on('data', (chunk) => {
      for (let at = 0; at < chunk.length; at += PING.length) {
        arrived += 1
        socket.write(OK)
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterAll(() => {
  server.close()
})

/** Sends pings in groups, each without waiting for answers, and tells what came of them. */
async function ping(verdict: Verdict, groups: readonly number[]) {
  const { port } = server.address() as AddressInfo
  const proxy = await startRecordingProxy({
    target: { host: '127.0.0.1', port },
    onPacket: (packet, conversation) => (isPipelined(packet, conversation) ? verdict : 'forward'),
  })
  arrived = 0
  const socket = connect(proxy.port, proxy.host)
  for (const group of groups) {
    socket.write(Buffer.concat(Array.from({ length: group }, () => PING)))
    await Promise.race([once(socket, 'data'), once(socket, 'close')])
  }
  const open = !socket.destroyed
  socket.destroy()
  await proxy.stop()
  await closed
  return { arrived, open }
}

test('one command after the other is none', async () => {
  expect(await ping('cut', [1, 1, 1])).toEqual({ arrived: 3, open: true })
})

test('what is sent behind another command can be swallowed', async () => {
  expect(await ping('drop', [3, 1])).toEqual({ arrived: 2, open: true })
})

test('and can cost the connection', async () => {
  expect(await ping('cut', [1, 2])).toEqual({ arrived: 2, open: false })
})
