/** Has the server look at the statements of a query, without running them. */
import { LeaseholdError } from '../errors/errors.ts'
import { statementsOf } from '../interpreter/describe-query.ts'
import type { Answers } from '../interpreter/scripted-answers.ts'
import type { Queryable } from '../query/query.ts'
import { innerJob, labelOf } from './job.ts'
import type { CheckedStatement } from './unit-of-work.ts'
import type { ReadOptions } from './unit-options.ts'
import type { UnitRunner } from './unit-runner.ts'

/** See `UnitOfWork.check`. */
export async function checkStatements(
  units: UnitRunner,
  query: Queryable,
  answers: Answers,
  options: ReadOptions,
): Promise<unknown> {
  const statements = statementsOf(query, answers)
  const job = innerJob(async (_, scheduler) => {
    const checked: CheckedStatement[] = []
    for (const { plan, label } of statements) {
      const { statement } = plan
      const transaction = await scheduler.open()
      const [answer] = await transaction.send([{ type: 'prepare', statement, label }])
      const error = answer instanceof LeaseholdError ? answer : undefined
      checked.push({ label, sql: statement.sql, error })
    }
    return checked
  }, labelOf(query))
  return units.run(job, options, 'check')
}
