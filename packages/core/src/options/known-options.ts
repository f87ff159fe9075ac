import { UsageError } from '../errors/errors.ts'
import { abridged } from '../errors/messages.ts'

/**
 * Throws a `UsageError` for an option that there is none of: objects that were put together elsewhere may have a name that was
 * misspelt, which types don't see.
 */
export function assertKnown(where: string, options: object, known: ReadonlySet<string>): void {
  for (const name of Object.keys(options)) {
    if (known.has(name)) continue
    throw new UsageError(`${where}: there is no option ${abridged(name)}; there are ${[...known].join(', ')}`)
  }
}
