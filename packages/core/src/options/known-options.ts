import { UsageError } from '../errors/errors.ts'
import { abridged } from '../errors/messages.ts'

/**
 * Checks the names of options at run time: types do not see a misspelt name in an object that was built elsewhere.
 *
 * @throws {UsageError} when `options` has a name that is not in `known`; `where` is the prefix of the message.
 */
export function assertKnown(where: string, options: object, known: ReadonlySet<string>): void {
  for (const name of Object.keys(options)) {
    if (known.has(name)) continue
    throw new UsageError(
      `${where}: unknown option ${abridged(name)}; known options: ${[...known].join(', ')}`,
    )
  }
}
