/** Faults that strike at random while something else goes on. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { FaultProxy } from '@leasehold/test-support/fault-proxy'
import type { Random } from '../../../examples/order-desk/generate/random.ts'
import type { Fixture } from '../../mysql/support/fixture.ts'

export type FaultKind = 'cut' | 'reset' | 'kill' | 'delay' | 'stall'

/** A stalled connection takes time, so that fewer do more. */
const KINDS: readonly FaultKind[] = ['cut', 'cut', 'cut', 'reset', 'kill', 'kill', 'delay', 'stall']

/** Milliseconds of a delay, at most: some of what comes late is still waited for, some no more. */
const DELAY = 800

/** Milliseconds between two of them, at most. */
const PAUSE = 30

export interface Faults {
  /** Ends them and tells how many there were. */
  stop(): Promise<Readonly<Record<FaultKind, number>>>
}

export function startFaults(proxy: FaultProxy, fixture: Fixture, random: Random): Faults {
  const counts: Record<FaultKind, number> = { cut: 0, reset: 0, kill: 0, delay: 0, stall: 0 }
  const end = new AbortController()
  const anyOf = <T>(choices: readonly T[]): T | undefined => choices[random.integer(0, choices.length - 1)]

  async function strike(kind: FaultKind): Promise<void> {
    if (kind === 'kill') {
      const session = anyOf(await fixture.sessions())
      if (session === undefined) return
      // It may have ended meanwhile.
      await fixture.oracle.query(`kill ${session.id}`).catch(() => {})
    } else {
      const link = anyOf(proxy.links)
      if (link === undefined) return
      if (kind === 'stall') link.stall()
      else if (kind === 'delay') link.stall(random.integer(1, DELAY))
      else if (kind === 'reset') link.reset()
      else link.cutAfter(random.chance(50) ? 'client' : 'server', random.integer(0, 399))
    }
    counts[kind] += 1
  }

  async function haunt(): Promise<void> {
    while (!end.signal.aborted) {
      await strike(anyOf(KINDS) ?? 'cut')
      await sleep(random.integer(0, PAUSE))
    }
  }

  const haunting = haunt()
  return {
    async stop() {
      end.abort()
      await haunting
      return counts
    },
  }
}
