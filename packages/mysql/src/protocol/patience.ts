/** How long to wait for an answer that any server which is there gives at once. */

/** No answer came in time, so that the connection was given up; the server may be there, and its session at work. */
export class SilenceError extends Error {
  override readonly name = 'SilenceError'
}

/** Calls back after so many milliseconds, unless the function that it returns is called before. */
export function patience(ms: number, onSilence: () => void): () => void {
  let heard = false
  const timer = setTimeout(() => {
    // Where this process was busy, the answer may have come and not been read: sockets have their turn after timers.
    setImmediate(() => {
      if (!heard) onSilence()
    })
  }, ms).unref()
  return () => {
    heard = true
    clearTimeout(timer)
  }
}
