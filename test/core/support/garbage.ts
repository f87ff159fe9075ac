/** Garbage collection on demand. */
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Collects garbage until `done`, or for half a second. */
export async function collectUntil(done: () => boolean): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = globalThis.gc ?? (runInNewContext('gc') as () => void)
  for (let tries = 0; tries < 50 && !done(); tries += 1) {
    collect()
    await sleep(10)
  }
}
