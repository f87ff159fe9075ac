import { randomBytes } from 'node:crypto'
import { delimiter, join } from 'node:path'
import { freePort } from '../server/free-port.ts'
import type { ServerSettings } from '../server/server-steps.ts'

/** Where a node talks to the others, besides the port that clients use. */
interface GroupPorts {
  readonly group: number
  readonly transfer: number
}

export interface GroupPlan {
  readonly library: string
  readonly ports: readonly GroupPorts[]
  /** One for all nodes, because they have their accounts in common. */
  readonly password: string
  /** Milliseconds for which a node may be silent until the others go on without it. */
  readonly suspectAfter: number
}

export async function planGroup(library: string, size: number, suspectAfter: number): Promise<GroupPlan> {
  const ports = Array.from({ length: size }, async () => ({
    group: await freePort(),
    transfer: await freePort(),
  }))
  return { library, ports: await Promise.all(ports), password: randomBytes(12).toString('hex'), suspectAfter }
}

/** What makes a server the node with that index. */
export function nodeSettings(plan: GroupPlan, index: number): ServerSettings {
  const { library, ports, password, suspectAfter } = plan
  const own = ports[index]
  if (own === undefined) throw new Error(`expected an index below ${ports.length}, got ${index}`)
  const members = ports.map(({ group }) => `127.0.0.1:${group}`).join(',')
  return {
    durable: false,
    initialize: index === 0,
    password,
    environment: {
      PATH: [join(import.meta.dirname, 'sst'), process.env['PATH'] ?? ''].join(delimiter),
    },
    args: [
      '--wsrep-on=ON',
      `--wsrep-provider=${library}`,
      '--wsrep-cluster-name=leasehold',
      `--wsrep-cluster-address=gcomm://${members}`,
      `--wsrep-node-name=node-${index + 1}`,
      '--wsrep-node-address=127.0.0.1',
      '--wsrep-sst-method=folder',
      '--wsrep-sst-receive-address=127.0.0.1',
      `--wsrep-provider-options=${providerOptions(own, suspectAfter)}`,
      // Galera replicates rows only, and can't have a node wait for numbers that another has taken.
      '--binlog-format=ROW',
      '--innodb-autoinc-lock-mode=2',
      // With 0, a node that is killed may forget what it has told the others.
      '--innodb-flush-log-at-trx-commit=2',
      '--innodb-buffer-pool-size=32M',
      ...(index === 0 ? ['--wsrep-new-cluster'] : []),
    ],
  }
}

function providerOptions({ group, transfer }: GroupPorts, suspectAfter: number): string {
  const duration = (ms: number): string => `PT${ms / 1000}S`
  const options = {
    base_host: '127.0.0.1',
    base_port: group,
    'gmcast.listen_addr': `tcp://127.0.0.1:${group}`,
    'ist.recv_addr': `127.0.0.1:${transfer}`,
    'gcache.size': '16M',
    // How soon nodes find each other.
    'pc.announce_timeout': duration(200),
    'evs.join_retrans_period': duration(100),
    // How soon they miss each other.
    'evs.keepalive_period': duration(suspectAfter / 4),
    'evs.inactive_check_period': duration(suspectAfter / 4),
    'evs.suspect_timeout': duration(suspectAfter),
    'evs.inactive_timeout': duration(suspectAfter * 2),
    'evs.install_timeout': duration(suspectAfter * 2),
    'gmcast.peer_timeout': duration(suspectAfter),
  }
  return Object.entries(options)
    .map(([name, value]) => `${name}=${value}`)
    .join(';')
}
