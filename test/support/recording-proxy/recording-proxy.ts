import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import type { Endpoint } from '../endpoint.ts'
import { Conversation, type OnPacket } from './conversation.ts'

export interface RecordingProxyOptions {
  readonly target: Endpoint
  /** Decides the fate of every packet; without it all go on their way. */
  readonly onPacket?: OnPacket
  /** A free one unless given. */
  readonly port?: number
}

export interface RecordingProxy extends Endpoint {
  readonly conversations: readonly Conversation[]
  /** Holds everything back, in both directions, until `resume`. */
  pause(): void
  resume(): void
  stop(): Promise<void>
}

// Each direction ends by itself: the answer may go on when the question is over.
const socketOptions = { allowHalfOpen: true, noDelay: true }

/**
 * Stands between a client and a server, hears every packet and can make some fail. Understands conversations
 * in plain text only: neither TLS nor compression.
 */
export async function startRecordingProxy(options: RecordingProxyOptions): Promise<RecordingProxy> {
  const { host, port } = options.target
  const onPacket = options.onPacket ?? (() => 'forward')
  const conversations: Conversation[] = []
  let paused = false

  const listener = createServer(socketOptions, (client) => {
    const conversation = new Conversation(client, connect({ host, port, ...socketOptions }), onPacket)
    if (paused) conversation.pause()
    conversations.push(conversation)
  }).listen(options.port ?? 0, '127.0.0.1')
  await once(listener, 'listening')
  const entrance = listener.address() as AddressInfo

  return {
    host: entrance.address,
    port: entrance.port,
    conversations,
    pause() {
      paused = true
      for (const conversation of conversations) conversation.pause()
    },
    resume() {
      paused = false
      for (const conversation of conversations) conversation.resume()
    },
    async stop() {
      for (const conversation of conversations) conversation.cut()
      if (!listener.listening) return
      listener.close()
      await once(listener, 'close')
    },
  }
}
