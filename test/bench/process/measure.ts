import { type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import type { Slice } from './protocol.ts'

/** Runs unit after unit, as many at a time as there are clients, for at least as many milliseconds. */
export async function measure(clients: readonly (() => Promise<unknown>)[], ms: number): Promise<Slice> {
  const pauses: PerformanceEntry[] = []
  const collections = new PerformanceObserver((list) => pauses.push(...list.getEntries()))
  collections.observe({ entryTypes: ['gc'] })
  const durations: number[] = []
  const cpu = process.cpuUsage()
  const start = performance.now()

  const client = async (unit: () => Promise<unknown>) => {
    let now = performance.now()
    do {
      const begin = now
      await unit()
      now = performance.now()
      durations.push(now - begin)
    } while (now - start < ms)
  }
  await Promise.all(clients.map(client))

  const seconds = (performance.now() - start) / 1000
  const { user, system } = process.cpuUsage(cpu)
  await turn()
  pauses.push(...collections.takeRecords())
  collections.disconnect()
  return {
    seconds,
    durations: Float64Array.from(durations),
    cpuMs: (user + system) / 1000,
    gcMs: pauses.reduce((sum, { duration }) => sum + duration, 0),
    heapMb: process.memoryUsage().heapUsed / 2 ** 20,
  }
}
