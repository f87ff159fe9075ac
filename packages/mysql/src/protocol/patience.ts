/** Timeouts for answers that a live server gives at once. */

/** No answer came in time, so the connection was closed. The server may be alive and the session still working. */
export class SilenceError extends Error {
  override readonly name = 'SilenceError'
}

/** Calls `onSilence` after `ms` milliseconds, unless the returned function is called before. */
export function patience(ms: number, onSilence: () => void): () => void {
  let heard = false
  const timer = setTimeout(() => {
    // If this process was busy, the answer may be unread: the event loop polls sockets after timers.
    setImmediate(() => {
      if (!heard) onSilence()
    })
  }, ms).unref()
  return () => {
    heard = true
    clearTimeout(timer)
  }
}
