/** Many clients at once, with faults. */
import { createUnitOfWork } from '@leasehold/core'
import { mysqlDriver } from '@leasehold/mysql'
import { startFaultProxy } from '@leasehold/test-support/fault-proxy'
import type { TestServer } from '@leasehold/test-support/server'
import { ProcessWatch } from '../../soak/process-watch.ts'
import type { Counts } from '../counts.ts'
import type { Stage } from '../stage/stage.ts'
import type { Violation } from '../violation.ts'
import { lookAround, lookAtLast } from './aftermath.ts'
import { runClient } from './client.ts'
import { Faults } from './faults.ts'
import { Oracle } from './oracle.ts'
import type { Plan } from './plan.ts'
import { mend } from './strikes.ts'

const watch = new ProcessWatch()

/** Milliseconds after which no client begins another program. */
const DURATION = 5_000

export async function runRound(
  plan: Plan,
  { server, stage, counts }: { server: TestServer; stage: Stage; counts: Counts },
): Promise<Violation[]> {
  await stage.restore()
  const { pipeline, preparedStatements, connections, sliced, clients } = plan
  const proxy = await startFaultProxy({ target: server, sliced })
  const uow = createUnitOfWork({
    driver: mysqlDriver({
      uri: stage.uri(proxy.port),
      connectTimeout: 3_000,
      pool: { max: connections },
      ...(pipeline === undefined ? {} : { pipeline }),
      ...(preparedStatements === undefined ? {} : { preparedStatements }),
    }),
    warnUnused: false,
  })
  const oracle = new Oracle(stage)
  const faults = new Faults(plan.faults, { server, stage, proxy })
  const violations: Violation[] = []
  const unhandled = watch.seen.length
  try {
    const ground = {
      uow,
      oracle,
      runId: `round ${plan.seed}`,
      faults: plan.faults.length > 0,
      end: performance.now() + DURATION,
      violations,
      count: (outcome: string) => counts.unit(outcome),
    }
    const reported = await Promise.all(clients.map((programs) => runClient(programs, ground)))
    await faults.stop()
    await mend(stage)
    const lockers = clients.flat().filter((program) => JSON.stringify(program).includes('"user lock"'))
    const { created } = uow.stats()
    counts.opened(created)
    violations.push(
      ...(await lookAround(
        uow,
        stage,
        oracle,
        lockers.map(({ unit }) => unit),
      )),
    )
    violations.push(...(await lookAtLast(reported.flat(), oracle)))
  } finally {
    await faults.stop()
    await proxy.stop()
    oracle.close()
  }
  for (const seen of watch.seen.slice(unhandled))
    violations.push({ rule: 'unhandled', detail: kindOf(seen), seen })
  for (const [kind, count] of faults.counts) counts.fault(kind, count)
  return violations
}

/** Event and class of what went unhandled, without what it says. */
function kindOf(seen: string): string {
  return seen
    .split(/:(?= |\n|$)/)
    .slice(0, 2)
    .join(':')
}
