export { startFaultProxy } from './fault-proxy.ts'
export type { FaultProxy, FaultProxyOptions } from './fault-proxy.ts'
export type { Link, Side } from './link.ts'
