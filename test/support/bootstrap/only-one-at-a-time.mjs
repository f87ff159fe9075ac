import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Runs the action while no other process runs one for the same folder. The lock is a listening socket, which
 * the system frees however its process ends: a stale lock cannot exist.
 */
export async function onlyOneAtATime(folder, action) {
  // Only Linux has names for sockets that are not files.
  if (process.platform !== 'linux') return action()

  const name = `\0leasehold-set-up-${createHash('sha256').update(folder).digest('hex').slice(0, 16)}`
  const lock = await acquire(name)
  try {
    return await action()
  } finally {
    lock.close()
  }
}

async function acquire(name) {
  for (let attempt = 0; ; attempt += 1) {
    const server = createServer().listen(name)
    try {
      await once(server, 'listening')
      return server
    } catch (error) {
      if (error.code !== 'EADDRINUSE') throw error
      if (attempt === 0) console.error('waiting for another set-up of this checkout …')
      await sleep(200)
    }
  }
}
