/**
 * A signal that Ctrl-C, or the end of the terminal, gives. The work ends at its next step and everything is
 * cleaned up; a second Ctrl-C ends the process at once.
 */
export function interruption(): { readonly signal: AbortSignal; readonly stop: () => void } {
  const controller = new AbortController()
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const stop = () => {
    for (const name of signals) process.off(name, onSignal)
  }
  const onSignal = () => {
    stop()
    controller.abort(new Interrupted())
  }
  for (const name of signals) process.on(name, onSignal)
  return { signal: controller.signal, stop }
}

export class Interrupted extends Error {
  override readonly name = 'Interrupted'

  constructor() {
    super('stopped')
  }
}
