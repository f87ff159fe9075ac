import type { Endpoint } from '../endpoint.ts'
import { measureRoundTrips, quantile } from './echo.ts'
import { ProxyThread } from './proxy-thread.ts'

export interface LatencyProxyOptions {
  readonly target: Endpoint
  /** How long a round trip through the proxy takes, in milliseconds; half of it each way. */
  readonly rttMs: number
}

export interface LatencyProxy extends Endpoint {
  /** What the proxy really gives: the median of some round trips through it, in milliseconds. */
  measureRoundTrip(): Promise<number>
  stop(): Promise<void>
}

/** Puts the distance of a network between a client and a server on one machine. */
export async function startLatencyProxy({ target, rttMs }: LatencyProxyOptions): Promise<LatencyProxy> {
  if (!(rttMs >= 0)) throw new RangeError(`rttMs: expected zero or more milliseconds, got ${rttMs}`)
  const thread = new ProxyThread()
  const delayMs = Math.max(0, rttMs - (await detour(thread))) / 2
  const entrance = await thread.listen(target, delayMs)
  return {
    ...entrance,
    measureRoundTrip: async () =>
      quantile(await measureRoundTrips((echo) => thread.listen(echo, delayMs)), 0.5),
    stop: () => thread.stop(),
  }
}

/** What the way through the proxy costs without any delay, in milliseconds, on a machine with time to spare. */
async function detour(thread: ProxyThread): Promise<number> {
  return quantile(await measureRoundTrips((echo) => thread.listen(echo, 0)), 0.25)
}
