/** Checks the statements of a repository against the schema of a real server. */
import type { Queryable } from '../query/query.ts'
import type { Answers } from '../interpreter/scripted-answers.ts'
import type { UnitOfWork } from '../unit-of-work/unit-of-work.ts'

/** Argument types of a function. */
export type ArgumentsOf<F> = F extends (...args: infer A) => unknown ? Readonly<A> : never

/**
 * Sample arguments for each function of a repository; required for functions that cannot be called without any. Their
 * values matter only where the SQL depends on them.
 */
export type Samples<R> = {
  readonly [K in keyof R as [] extends ArgumentsOf<R[K]> ? never : K]: ArgumentsOf<R[K]>
} & { readonly [K in keyof R]?: ArgumentsOf<R[K]> }

/** A statement that the server could not run, or a function that failed to build one. */
export interface Finding {
  /** Label of the statement, else the name of the function. */
  readonly label: string
  /** `undefined` if the function built no statement. */
  readonly sql: string | undefined
  readonly error: unknown
}

/**
 * Calls every function of a repository and lets the server prepare the statements of the returned queries, see
 * {@link UnitOfWork.check}. This finds unknown tables and columns; no statement runs. A program is checked up to the first
 * flight that `answers` does not cover.
 *
 * Resolves with the findings, an empty list if all statements fit. Errors of functions and of the check are findings, too.
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
