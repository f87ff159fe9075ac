/** Round after round, until time is up; what is found is made smaller and told. */
import type { TestServer } from '@leasehold/test-support/server'
import { Random } from '../../examples/order-desk/generate/random.ts'
import { CALM_STAGES, runCalmly } from './calm/calm.ts'
import { times } from './choice.ts'
import { Counts } from './counts.ts'
import { planOf } from './hostile/plan.ts'
import { runRound } from './hostile/round.ts'
import type { Mode } from './options.ts'
import { calmUnit } from './program/generate-unit.ts'
import { describeFinding } from './report.ts'
import { shrinkCalm, shrinkRound } from './shrink.ts'
import { setStage, type Stage } from './stage/stage.ts'
import type { Violation } from './violation.ts'

export interface Task {
  readonly server: TestServer
  readonly minutes: number
  readonly seed: number
  readonly mode: Mode | undefined
  readonly log: (line: string) => void
}

const CALM_UNITS = 40
/** How many findings are made smaller: each takes time from the search for others. */
const SHRUNK = 4

export async function search({
  server,
  minutes,
  seed,
  mode,
  log,
}: Task): Promise<{ summary: string; found: number }> {
  const end = performance.now() + minutes * 60_000
  const stages: Stage[] = []
  for (const _ of times(CALM_STAGES, (index) => index)) stages.push(await setStage(server))
  const [stage] = stages
  if (stage === undefined) throw new Error('expected stages')
  const counts = new Counts()
  const known = new Map<string, number>()

  for (let round = seed; performance.now() < end || round === seed; round = (round + 1) % 2 ** 31) {
    counts.rounds += 1
    const random = new Random(round, 0)
    const calm = mode === undefined ? random.chance(20) : mode === 'calm'
    const note = async (
      violations: readonly Violation[],
      shrink: (violation: Violation) => Promise<string>,
    ) => {
      for (const violation of violations) {
        const signature = `${violation.rule} (${violation.detail})`
        const times = known.get(signature) ?? 0
        known.set(signature, times + 1)
        if (times > 0) continue
        const smaller = known.size <= SHRUNK ? await shrink(violation) : ''
        log(describeFinding({ violation, round, server: server.kind, mode, smaller }))
      }
    }
    if (calm) {
      const scope = { random, calm: true, returning: server.kind === 'mariadb', streams: false }
      const programs = times(CALM_UNITS, (index) => calmUnit(index + 1, scope))
      const run = (programs: Parameters<typeof runCalmly>[1]) =>
        runCalmly(stages, programs, (outcome) => counts.unit(`calm ${outcome}`))
      await note(await run(programs), () => shrinkCalm(programs, run))
    } else {
      const plan = planOf(round, server.kind)
      const run = (smaller: typeof plan) => runRound(smaller, { server, stage, counts })
      await note(await run(plan), (violation) => shrinkRound(plan, violation, run))
    }
  }
  for (const [signature, times] of known) log(`found ${times} ×: ${signature}`)
  return { summary: counts.summary, found: known.size }
}
