import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type FaultProxy, type Link, startFaultProxy } from '@leasehold/test-support/fault-proxy'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'

/** One end of a connection, and all that it sees. */
class Peer {
  readonly socket: Socket
  readonly chunks: Buffer[] = []
  /** `null` when it was closed in order. */
  readonly closed: Promise<string | null>
  isOpen = true

  constructor(socket: Socket) {
    this.socket = socket
    let failure: string | null = null
    socket.on('data', (chunk) => this.chunks.push(chunk))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      failure = error.code ?? error.message
    })
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.isOpen = false
        resolve(failure)
      })
    })
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString()
  }

  async hears(text: string): Promise<void> {
    await until(() => this.text === text)
  }
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within 5 s: ${condition.toString()}`)
    await sleep(2)
  }
}

let listener: Server
const servers: Peer[] = []
beforeAll(async () => {
  listener = createServer((socket) => servers.push(new Peer(socket))).listen(0, '127.0.0.1')
  await once(listener, 'listening')
})
afterAll(() => {
  listener.close()
})

let proxy: FaultProxy
afterEach(() => proxy.stop())

/** A client and a server on both ends of a connection through the proxy, who have greeted each other. */
async function converse(options: { sliced?: boolean } = {}) {
  const { port } = listener.address() as AddressInfo
  servers.length = 0
  proxy = await startFaultProxy({ target: { host: '127.0.0.1', port }, ...options })
  const client = new Peer(connect(proxy.port, proxy.host))
  client.socket.write('hello')
  await until(() => servers.at(-1)?.text === 'hello')
  const server = servers.at(-1) as Peer
  server.socket.write('welcome')
  await client.hears('welcome')
  const link = proxy.links[0] as Link
  for (const peer of [client, server]) peer.chunks.length = 0
  return { client, server, link }
}

test('without a fault, every byte arrives, and what each side said is known', async () => {
  const { client, server, link } = await converse()
  expect(link.received('client').toString()).toBe('hello')
  expect(link.received('server').toString()).toBe('welcome')
  link.forget()
  client.socket.end('over')
  await server.hears('over')
  expect(link.received('client').toString()).toBe('over')
  expect(link.received('server')).toHaveLength(0)
  await Promise.all([client.closed, server.closed])
  expect(proxy.links).toEqual([])
})

describe.each(['client', 'server'] as const)('a cut behind bytes from the %s', (side) => {
  test.each([0, 1, 4, 5, 9])('lets %i of them through, and both ends see the end', async (bytes) => {
    const { link, ...peers } = await converse()
    const [speaker, other] = side === 'client' ? [peers.client, peers.server] : [peers.server, peers.client]
    link.cutAfter(side, bytes)
    speaker.socket.write('12345')
    speaker.socket.write('67890')
    await Promise.all([speaker.closed, other.closed])
    expect(other.text).toBe('1234567890'.slice(0, bytes))
    expect(proxy.links).toEqual([])
  })

  test('is none as long as they are not exceeded', async () => {
    const { link, ...peers } = await converse()
    const [speaker, other] = side === 'client' ? [peers.client, peers.server] : [peers.server, peers.client]
    link.cutAfter(side, 5)
    speaker.socket.write('12345')
    await other.hears('12345')
    other.socket.write('any number of bytes the other way')
    await speaker.hears('any number of bytes the other way')
    expect(proxy.links).toEqual([link])
  })
})

test('a cut is an end in order', async () => {
  const { client, server, link } = await converse()
  link.cut()
  expect(await Promise.all([client.closed, server.closed])).toEqual([null, null])
})

test('a reset is none', async () => {
  const { client, server, link } = await converse()
  link.reset()
  expect(await Promise.all([client.closed, server.closed])).toEqual(['ECONNRESET', 'ECONNRESET'])
  expect(proxy.links).toEqual([])
})

test('a stalled connection is open and silent, both ways', async () => {
  const { client, server, link } = await converse()
  link.stall()
  client.socket.write('question')
  server.socket.write('answer')
  await sleep(50)
  expect([client.text, server.text]).toEqual(['', ''])
  server.socket.destroy()
  await sleep(50)
  expect(client.isOpen).toBe(true)
})

test('a delayed one has everything come later', async () => {
  const { client, server, link } = await converse()
  link.stall(150)
  client.socket.write('question')
  server.socket.write('answer')
  await sleep(20)
  expect([client.text, server.text]).toEqual(['', ''])
  await Promise.all([server.hears('question'), client.hears('answer')])
})

test('a sliced one has every byte come by itself', async () => {
  const { client, server } = await converse({ sliced: true })
  const text = 'byte by byte, '.repeat(10)
  client.socket.write(text)
  await server.hears(text)
  server.socket.write(text)
  await client.hears(text)
  // The system may put some of them together again.
  for (const { chunks } of [client, server]) expect(chunks.length).toBeGreaterThan(text.length / 4)
})
