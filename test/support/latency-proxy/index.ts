export { startLatencyProxy } from './latency-proxy.ts'
export type { LatencyProxy, LatencyProxyOptions } from './latency-proxy.ts'
