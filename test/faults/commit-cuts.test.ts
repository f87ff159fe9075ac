import { CommitUnknownError } from '@leasehold/core'
import { commandOf, type Packet, startRecordingProxy } from '@leasehold/test-support/recording-proxy'
import { expect, test } from 'vitest'
import { entries, SIZE, useLedger } from './support/ledger.ts'

const fixture = useLedger()

const UNITS = 1_000
/** Each unit has a connection of its own to open. */
const SLOW = { timeout: 120_000 }
const CLIENTS = 8

const isCommit = (packet: Packet | undefined): boolean =>
  packet !== undefined && commandOf(packet)?.sql === 'COMMIT'

const lastCommand = (packets: readonly Packet[]): Packet | undefined =>
  packets.findLast((packet) => commandOf(packet) !== undefined)

test.each([
  { where: 'before it reaches the server', from: 0, committed: 0, forwarded: false },
  { where: 'before its answer reaches the client', from: UNITS, committed: UNITS, forwarded: true },
])('1 000 connections cut at COMMIT, $where: all unknown, none run again', SLOW, async (cuts) => {
  let commits = 0
  const proxy = await startRecordingProxy({
    target: fixture.server,
    onPacket(packet, { packets }) {
      if (isCommit(packet)) {
        commits += 1
        return cuts.forwarded ? 'forward' : 'cut'
      }
      return packet.from === 'server' && isCommit(lastCommand(packets)) ? 'cut' : 'forward'
    },
  })
  const uow = fixture.uow({ host: proxy.host, port: proxy.port, pipeline: true, pool: { max: CLIENTS } })
  const failures: unknown[] = []
  const client = async (_: unknown, first: number): Promise<void> => {
    for (let unit = first; unit < UNITS; unit += CLIENTS) {
      await uow.run(entries(cuts.from + unit)).catch((error: unknown) => failures.push(error))
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  await uow.close()
  await fixture.quiet()

  expect(failures.filter((error) => error instanceof CommitUnknownError)).toHaveLength(UNITS)
  expect(commits).toBe(UNITS)
  const found = await fixture.rows<{ entries: number }>(
    'select count(*) as entries from ledger where unit >= ? and unit < ? group by unit',
    [cuts.from, cuts.from + UNITS],
  )
  expect(found).toHaveLength(cuts.committed)
  expect(new Set(found.map(({ entries }) => entries))).toEqual(new Set(cuts.committed === 0 ? [] : [SIZE]))
  await proxy.stop()
})
