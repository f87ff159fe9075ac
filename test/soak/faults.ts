import { setTimeout as sleep } from 'node:timers/promises'
import type { TestServer } from '@leasehold/test-support/server'
import type { Random } from '../../examples/order-desk/generate/random.ts'
import { killOneOf } from './admin.ts'
import type { Recovery } from './recovery.ts'
import type { UnrulyProxy } from './unruly-proxy.ts'

export interface Fault {
  readonly name: string
  readonly strike: () => Promise<void> | void
}

export interface Targets {
  readonly server: TestServer
  readonly database: string
  readonly proxy: UnrulyProxy
  readonly recovery: Recovery
  readonly random: Random
}

/** In the order in which they come, the worst last. */
export function faultsOn({ server, database, proxy, recovery, random }: Targets): Fault[] {
  return [
    { name: 'cut a third', strike: () => proxy.cut(() => random.integer(1, 3) === 1) },
    { name: 'cut all', strike: () => proxy.cut() },
    { name: 'stall', strike: () => proxy.stall(300) },
    { name: 'kill a session', strike: () => killOneOf(server, database, random) },
    {
      name: 'crash',
      async strike() {
        await server.crash()
        recovery.serverIsUp()
      },
    },
  ]
}

const everyMs = 2_000

/** One fault after the other, each at a random moment of its two seconds; gives back how often each one struck. */
export async function strikeInTurn(
  faults: readonly Fault[],
  durationMs: number,
  random: Random,
): Promise<Record<string, number>> {
  const struck = Object.fromEntries(faults.map(({ name }) => [name, 0]))
  const end = performance.now() + durationMs
  for (let turn = 0; ; turn += 1) {
    const fault = faults[turn % faults.length]
    const turnEnd = performance.now() + everyMs
    if (fault === undefined || turnEnd > end) break
    await sleep(random.integer(0, everyMs))
    await fault.strike()
    struck[fault.name] = (struck[fault.name] ?? 0) + 1
    await sleep(Math.max(0, turnEnd - performance.now()))
  }
  await sleep(Math.max(0, end - performance.now()))
  return struck
}
