/** What one unit does besides of what it reports: hooks, streams, locks. */
import type { Program } from '../program/step.ts'
import { WHOLE_STREAM } from '../program/body.ts'
import type { Violation } from '../violation.ts'
import type { UnitWatcher } from '../watcher.ts'
import type { Oracle } from './oracle.ts'
import { nameOf, outcomeOf, type Report } from './verdict.ts'

export class UnitWatch implements UnitWatcher {
  readonly #oracle: Oracle
  readonly #calls = { commit: 0, rollback: 0 }
  #registered = false
  readonly #streams: number[] = []
  #unlocked: number[] = []

  constructor(oracle: Oracle) {
    this.#oracle = oracle
  }

  attempted(): void {
    this.#registered = false
    this.#unlocked = []
  }

  registered(): void {
    this.#registered = true
  }

  hook(on: 'commit' | 'rollback'): void {
    this.#calls[on] += 1
  }

  streamEnded(rows: number): void {
    this.#streams.push(rows)
  }

  async isLocked(id: number): Promise<boolean | undefined> {
    const locked = await this.#oracle.isLocked(id)
    if (locked === false) this.#unlocked.push(id)
    return locked
  }

  /** Streams whose loops ended as if they had seen all. A body may go on for a while when its unit has reported. */
  atLast(program: Program, report: Report): Violation[] {
    return this.#streams
      .filter((rows) => rows < WHOLE_STREAM)
      .map((rows) => ({
        rule: 'stream cut short',
        detail: `${nameOf(report)}, a ${program.form}`,
        program,
        seen: `a loop ended normally after ${rows} of ${WHOLE_STREAM} rows`,
      }))
  }

  /** Called when the unit has reported, and its hooks with it. */
  against(program: Program, report: Report): Violation[] {
    const found: Violation[] = []
    const add = (rule: string, seen: string): void => {
      found.push({ rule, detail: nameOf(report), program, seen })
    }
    // A unit that was killed has lost its locks, and says so, unless it waits for no more answers since it only reads.
    const { access, accessMode } = program.options
    const waits = access === 'run' && accessMode !== 'read only'
    if (report.ok && waits && this.#unlocked.length > 0) {
      add(
        'lock gone',
        `somebody else could lock account ${this.#unlocked.join(', ')}, which the unit had locked`,
      )
    }
    if (program.options.hooks === true) this.#hooksAgainst(program, report, add)
    return found
  }

  #hooksAgainst(program: Program, report: Report, add: (rule: string, seen: string) => void): void {
    const { commit, rollback } = this.#calls
    const outcome = outcomeOf(program, report)
    const calls = `afterCommit ${commit} ×, afterRollback ${rollback} ×`
    const right =
      outcome === 'committed'
        ? commit === 1 && rollback === 0
        : outcome === 'unknown'
          ? commit === 0 && rollback === 0
          : commit === 0 && rollback <= 1 && (rollback === 1 || !this.#registered)
    if (!right) add('hooks', `${nameOf(report)}: ${calls}`)
  }
}
