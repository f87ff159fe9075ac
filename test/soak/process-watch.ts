/** Notes what a program must never let happen. While it watches, none of it ends the process. */
export class ProcessWatch {
  readonly seen: string[] = []

  constructor() {
    process.on('unhandledRejection', (reason) => this.#note('unhandledRejection', reason))
    process.on('uncaughtException', (error) => this.#note('uncaughtException', error))
    process.on('warning', (warning) => {
      if (warning.name === 'MaxListenersExceededWarning') this.#note('warning', warning)
    })
  }

  #note(event: string, value: unknown): void {
    this.seen.push(`${event}: ${value instanceof Error ? (value.stack ?? value.message) : String(value)}`)
  }
}
