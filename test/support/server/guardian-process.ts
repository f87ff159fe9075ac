import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Assignment, Ended } from './assignment.ts'

/** This process's end of the guardian. */
export interface GuardianProcess {
  /** Why the server is not running any more, once that is so. */
  readonly ended: () => string | undefined
  /** Resolves when the server is gone and its folder removed. */
  stop(): Promise<void>
}

export function startGuardian(assignment: Assignment): GuardianProcess {
  const child = fork(join(import.meta.dirname, 'guardian.ts'), {
    detached: true,
    // None of this process's own: an inspector's port, a loader.
    execArgv: [],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  let reason: string | undefined
  const exited = once(child, 'exit').catch((error: unknown) => {
    reason = `the guardian could not be started: ${String(error)}`
  })
  child.on('message', (message: Ended) => {
    reason = message.reason
  })
  child.once('exit', () => {
    reason ??= 'the guardian ended'
  })
  child.send(assignment)
  // A forgotten server does not keep this process from ending, which in turn ends the server.
  child.unref()
  child.channel?.unref()

  return {
    ended: () => reason,
    async stop() {
      if (child.connected) {
        child.ref()
        child.disconnect()
      }
      await exited
    },
  }
}
