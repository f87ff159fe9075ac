import type { Watcher } from './program/body.ts'

/** What is watched while a unit runs. */
export interface UnitWatcher extends Watcher {
  /** A new attempt: what the one before registered counts no more. */
  attempted(): void
  /** Its hooks are registered for sure. */
  registered(): void
  hook(on: 'commit' | 'rollback'): void
}

const nothing = (): void => {}

export const NO_WATCHER: UnitWatcher = {
  attempted: nothing,
  registered: nothing,
  hook: nothing,
  streamEnded: nothing,
  isLocked: () => Promise.resolve(undefined),
}
