import type { Socket } from 'node:net'
import type { Schedule } from './schedule.ts'

/** How much may be under way in one direction, as in a network's own buffers. */
const windowBytes = 4 * 1024 * 1024

/** Carries one direction of a connection, in order, at the schedule's pace. */
export function relay(source: Socket, destination: Socket, schedule: Schedule): void {
  let underWay = 0

  source.on('data', (chunk) => {
    underWay += chunk.length
    if (underWay > windowBytes) source.pause()
    schedule.add(() => {
      underWay -= chunk.length
      const accepted = writeWithOthers(destination, chunk)
      if (accepted && underWay <= windowBytes) source.resume()
      else source.pause()
    })
  })
  destination.on('drain', () => {
    if (underWay <= windowBytes) source.resume()
  })
  source.on('end', () => {
    schedule.add(() => {
      destination.end()
    })
  })
  // An aborted connection is aborted on the other side too.
  source.on('error', () => {
    destination.destroy()
  })
  source.on('close', (hadError) => {
    if (hadError) destination.destroy()
  })
}

/** What is delivered in one turn is one write: each costs the machine, and none the network that is put in its place. */
function writeWithOthers(destination: Socket, chunk: Buffer): boolean {
  if (destination.writableCorked === 0) {
    destination.cork()
    process.nextTick(() => destination.uncork())
  }
  return destination.write(chunk)
}
