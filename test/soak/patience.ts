import { setTimeout as sleep } from 'node:timers/promises'

/** Whether the work ended in time. It is left alone if it did not: whoever asks goes on without it. */
export async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  const patience = new AbortController()
  const late = sleep(ms, false, { signal: patience.signal })
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    patience.abort()
  }
}

/** What `look` sees in the end: nothing, or what is still there when time is up. */
export async function untilNone<T>(ms: number, look: () => Promise<T[]> | T[]): Promise<T[]> {
  const deadline = performance.now() + ms
  for (;;) {
    const found = await look()
    if (found.length === 0 || performance.now() > deadline) return found
    await sleep(50)
  }
}
