import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { PeerName } from '../peers/index.ts'
import type { Answers, Reply, Request } from '../process/protocol.ts'

/** A peer in a process of its own, so that its processor time and memory are its own. Does one thing at a time. */
export class PeerProcess {
  readonly name: PeerName
  readonly #child: ChildProcess

  constructor(name: PeerName) {
    this.name = name
    this.#child = fork(join(import.meta.dirname, '../process/main.ts'), {
      serialization: 'advanced',
      // As their documentation has it for production; and whoever takes dates for local ones takes the same ones.
      env: { ...process.env, NODE_ENV: 'production', TZ: 'UTC' },
      execArgv: [],
    })
  }

  /** Rejects with what the peer threw, or when its process ends. */
  async ask<R extends Request>(request: R): Promise<Answers[R['type']]> {
    const ended = new AbortController()
    const exited = once(this.#child, 'exit', { signal: ended.signal }).then(([code]) => {
      throw new Error(`the process of ${this.name} ended with ${code}`)
    })
    try {
      const answered = once(this.#child, 'message', { signal: ended.signal }) as Promise<[Reply]>
      this.#child.send(request)
      const [reply] = await Promise.race([answered, exited])
      if ('error' in reply) throw new Error(`${this.name}, asked to ${request.type}: ${reply.error}`)
      return reply.answer as Answers[R['type']]
    } finally {
      exited.catch(() => {})
      ended.abort()
    }
  }

  open(uri: string): Promise<undefined> {
    return this.ask({ type: 'open', peer: this.name, uri })
  }

  async close(): Promise<void> {
    const exited = once(this.#child, 'exit')
    await this.ask({ type: 'close' })
    await exited
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }
}
