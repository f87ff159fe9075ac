/** Having the server stop what a session does for a flight. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds from one KILL QUERY to the next, which are doubled each time. */
const SHORTEST_PAUSE = 5
const LONGEST_PAUSE = 100

export interface Interruptible {
  /** Ends the statement that the session runs, if it does. Resolves when the server has heard of it. */
  readonly interrupt: () => Promise<void>
  /** Sends a command that changes nothing. */
  readonly pass: () => Promise<unknown>
}

/**
 * Interrupts until the flight has ended: between two of its statements, or ahead of the first, there is nothing to be
 * ended. Never rejects; gives false if an interruption may still be on its way, to meet whatever runs then.
 */
export async function interruptUntilOver(
  flown: Promise<unknown>,
  { interrupt, pass }: Interruptible,
): Promise<boolean> {
  const over = new AbortController()
  const end = (): void => over.abort()
  flown.then(end, end)
  let heard = true
  for (let pause = SHORTEST_PAUSE; !over.signal.aborted; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    await interrupt().catch(() => {
      heard = false
    })
    await sleep(pause, undefined, { signal: over.signal }).catch(() => {})
  }
  // One that came after the last answer would meet the next statement.
  await pass().catch(() => {})
  return heard
}
