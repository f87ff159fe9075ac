/** A service as it would be bundled, or run by another runtime: `service URI`. Fails unless everything is as it should be. */
import { affected, createUnitOfWork, many } from '@leasehold/core'
import { atMostFlights, recordFlights } from '@leasehold/core/testing'
import { mysqlBuilder, mysqlDriver } from '@leasehold/mysql'
import { deepEqual, equal, match, rejects } from 'node:assert/strict'
import { tracingChannel } from 'node:diagnostics_channel'

const db = mysqlBuilder()
const seven = () => many(db.selectNoFrom((e) => e.val(7).as('n')))
const nowhere = () => many(db.selectFrom('nowhere').selectAll())

async function handler(uow) {
  await uow.run(nowhere())
}

async function main() {
  // Development mode: queries that come to nothing are watched for.
  const uow = createUnitOfWork({ driver: mysqlDriver({ uri: process.argv[2] }), warnUnused: true })
  try {
    for (let use = 0; use < 4; use += 1) deepEqual(await uow.run(seven()), [{ n: 7 }])
    for await (const row of uow.stream(seven())) deepEqual(row, { n: 7 })
    equal(await uow.run(affected(db.deleteFrom('somewhere'))), 0)

    const failed = handler(uow)
    await rejects(failed, { name: 'StatementError', kind: 'unknown-name' })
    await failed.catch(({ stack }) => match(stack, /^StatementError: .*\n(?: +at .*\n)* +at async handler /u))

    const endless = many(db.selectNoFrom((e) => e.fn('sleep', [e.val(60)]).as('n')))
    await rejects(uow.run(endless, { timeout: 100 }), { name: 'DeadlineError' })

    equal((await recordFlights(() => uow.run(seven()))).flights.length, 1)
    await rejects(
      atMostFlights(0, () => uow.run(seven())),
      /expected at most 0 flights, got 1/u,
    )
    deepEqual(await eventsOf(() => uow.run(seven())), [
      'unit start',
      'lease start',
      'flight start',
      'flight asyncEnd',
      'lease asyncEnd',
      'unit asyncEnd',
    ])
  } finally {
    await uow.close()
  }
}

async function eventsOf(work) {
  const events = []
  const none = () => {}
  for (const name of ['unit', 'lease', 'flight']) {
    const start = () => events.push(`${name} start`)
    const asyncEnd = () => events.push(`${name} asyncEnd`)
    tracingChannel(`leasehold:${name}`).subscribe({
      start,
      asyncEnd,
      end: none,
      asyncStart: none,
      error: none,
    })
  }
  await work()
  return events
}

main().catch((error) => {
  console.error(error)
  process.exitCode = 1
})
