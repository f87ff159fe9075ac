import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type Assignment, crash, type Report } from './assignment.ts'

/** This process's end of the guardian. */
export interface GuardianProcess {
  /** Why the server is not running any more, once that is so. */
  readonly ended: () => string | undefined
  /** Kills the server and starts it again on the same data. Resolves when the one that was killed is gone. */
  crash(): Promise<void>
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
  child.on('message', (message: Report) => {
    if ('reason' in message) reason = message.reason
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
    async crash() {
      if (reason === undefined && child.connected) {
        const heard = new AbortController()
        const answered = once(child, 'message', { signal: heard.signal }).catch(() => {})
        // Unlike the server, the answer does keep this process from ending.
        child.channel?.ref()
        child.send(crash)
        await Promise.race([answered, exited])
        heard.abort()
        child.channel?.unref()
      }
      if (reason !== undefined) throw new Error(`the server could not be crashed: ${reason}`)
    },
    async stop() {
      if (child.connected) {
        child.ref()
        child.disconnect()
      }
      await exited
    },
  }
}
