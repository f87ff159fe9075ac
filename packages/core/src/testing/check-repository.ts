/** Whether the statements of a repository fit the schema of a real server. */
import type { Queryable } from '../query/query.ts'
import type { Answers } from '../interpreter/scripted-answers.ts'
import type { UnitOfWork } from '../unit-of-work/unit-of-work.ts'

/** The arguments of a function. */
export type ArgumentsOf<F> = F extends (...args: infer A) => unknown ? Readonly<A> : never

/**
 * Arguments to call each function of a repository with, for all that can't do without; their values matter only as far as
 * the SQL depends on them.
 */
export type Samples<R> = {
  readonly [K in keyof R as [] extends ArgumentsOf<R[K]> ? never : K]: ArgumentsOf<R[K]>
} & { readonly [K in keyof R]?: ArgumentsOf<R[K]> }

/** A statement that the server could not run, or a function that could not make one. */
export interface Finding {
  /** The statement's, else the name of the function. */
  readonly label: string
  /** Absent if there was none. */
  readonly sql: string | undefined
  readonly error: unknown
}

/**
 * Calls every function of a repository and has the server look at the statements of what it returns (see
 * {@link UnitOfWork.check}): names of columns and tables that it does not know are found. Nothing is run. Of programs that
 * is the first flight, and what can be reached with `answers`.
 *
 * @example
 * ```ts
 * const names = defineRepository('names', {
 *   all: () => many(db.selectFrom('accounts').select('name')),
 *   of: (id: number) => one(db.selectFrom('accounts').select('name').where('id', '=', id)),
 * })
 * const findings = await checkRepository(names, uow, { of: [1] }) // []
 * ```
 */
export async function checkRepository<R extends Readonly<Record<string, (...args: never[]) => unknown>>>(
  repository: R,
  uow: Pick<UnitOfWork, 'check'>,
  samples: Samples<R>,
  answers: Answers = {},
): Promise<readonly Finding[]> {
  const findings: Finding[] = []
  for (const [name, make] of Object.entries(repository)) {
    const args = (samples as Readonly<Record<string, readonly never[]>>)[name] ?? []
    try {
      for (const { label = name, sql, error } of await uow.check(make(...args) as Queryable, answers)) {
        if (error !== undefined) findings.push({ label, sql, error })
      }
    } catch (error) {
      findings.push({ label: name, sql: undefined, error })
    }
  }
  return findings
}
