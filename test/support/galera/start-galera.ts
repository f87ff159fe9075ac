import { findProgram } from '../server/find-program.ts'
import { launch } from '../server/launch.ts'
import type { TestServer } from '../server/index.ts'
import { galeraLibrary } from './library.ts'
import { type GaleraNode, nodeOn } from './node.ts'
import { type GroupPlan, nodeSettings, planGroup } from './node-settings.ts'

const attempts = 3

export interface GaleraOptions {
  readonly size: 2 | 3
  /** Milliseconds for which a node may be silent until the others go on without it; 5 000 unless given. */
  readonly suspectAfter?: number
}

export interface Galera {
  readonly nodes: readonly GaleraNode[]
  /** Ends all nodes, frozen ones too, and removes their files. */
  stop(): Promise<void>
}

/** Starts throw-away nodes of a Galera cluster on this machine; they end with this process, however it ends. */
export async function startGalera({ size, suspectAfter = 5_000 }: GaleraOptions): Promise<Galera> {
  const library = await galeraLibrary()
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await startGroup(await planGroup(library, size, suspectAfter))
    } catch (error) {
      // The ports between the nodes are chosen before the nodes take them.
      const portTaken = error instanceof Error && /address already in use/i.test(error.message)
      if (!portTaken || attempt === attempts) throw error
    }
  }
}

async function startGroup(plan: GroupPlan): Promise<Galera> {
  const program = await findProgram('mariadb', () => {})
  const servers: TestServer[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()))
  }
  try {
    const nodes: GaleraNode[] = []
    // One after the other, which is quicker than having them look for each other at once.
    for (const index of plan.ports.keys()) {
      const server = await launch(program, nodeSettings(plan, index))
      servers.push(server)
      const node = nodeOn(server)
      await node.synced(index + 1)
      nodes.push(node)
    }
    await Promise.all(nodes.map((node) => node.synced(nodes.length)))
    return { nodes, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
