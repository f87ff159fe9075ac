/** The process of one peer: opens it, runs its units, and tells how long they took. Started by `PeerProcess`. */
import { createHash } from 'node:crypto'
import { Random } from '../../../examples/order-desk/generate/random.ts'
import { peers } from '../peers/index.ts'
import type { Peer } from '../peers/peer.ts'
import { workload } from '../workloads/index.ts'
import { measure } from './measure.ts'
import type { Answers, Reply, Request, Slice } from './protocol.ts'

let peer: Peer | undefined

process.on('message', (request: Request) => {
  void reply(request)
})
// Whatever ended the runner: a pool must not keep this process.
process.on('disconnect', () => {
  process.exit()
})

async function reply(request: Request): Promise<void> {
  let reply: Reply
  try {
    reply = { answer: await answerTo(request) }
  } catch (error) {
    reply = { error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
  process.send?.(reply)
  if (request.type === 'close') process.disconnect()
}

async function answerTo(request: Request): Promise<Answers[Request['type']]> {
  switch (request.type) {
    case 'open': {
      await peer?.close()
      const open = await peers[request.peer]()
      peer = await open(request.uri)
      return undefined
    }
    case 'check':
      return check(opened(), request.workload, request.seed)
    case 'measure':
      return measureWorkload(opened(), request.workload, request.seed, request.ms)
    case 'close':
      break
  }
  await peer?.close()
  return undefined
}

function opened(): Peer {
  if (peer === undefined) throw new Error('the peer is not open')
  return peer
}

async function check(peer: Peer, name: string, seed: number): Promise<string | undefined> {
  const { begin, facts, checked } = workload(name)
  const unit = begin(peer, new Random(seed))
  if (unit === undefined) return undefined
  const digest = createHash('sha256')
  for (let count = 0; count < checked; count += 1) digest.update(JSON.stringify(facts(await unit())) ?? '')
  return digest.digest('hex').slice(0, 16)
}

async function measureWorkload(
  peer: Peer,
  name: string,
  seed: number,
  ms: number,
): Promise<Slice | undefined> {
  const { begin, clients } = workload(name)
  const units = Array.from({ length: clients }, (_, client) => begin(peer, new Random(seed, client)))
  const present = units.filter((unit) => unit !== undefined)
  return present.length === 0 ? undefined : measure(present, ms)
}
