import { startLatencyProxy } from '@leasehold/test-support/latency-proxy'

export interface Distance {
  /** How to reach the server from afar. */
  readonly uri: string
  /** The round trip that was measured, not the one that was asked for. */
  readonly rttMs: number
}

/** Puts a server a round trip of `rttMs` away while `work` goes on; no distance leaves it where it is. */
export async function withDistance<T>(
  uri: string,
  rttMs: number,
  work: (distance: Distance) => Promise<T>,
): Promise<T> {
  if (rttMs === 0) return work({ uri, rttMs })
  const { hostname, port } = new URL(uri)
  const proxy = await startLatencyProxy({ target: { host: hostname, port: Number(port || 3306) }, rttMs })
  try {
    const far = new URL(uri)
    far.hostname = proxy.host
    far.port = String(proxy.port)
    return await work({ uri: far.href, rttMs: await proxy.measureRoundTrip() })
  } finally {
    await proxy.stop()
  }
}
