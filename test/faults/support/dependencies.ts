/** `ww`: wrote right behind; `wr`: read what the other wrote; `rw`: read what the other then wrote over. */
export type DependencyKind = 'ww' | 'wr' | 'rw'

/** Which units must have come before which others. */
export class Dependencies<T> {
  readonly #next: Readonly<Record<DependencyKind, Map<T, Set<T>>>> = {
    ww: new Map(),
    wr: new Map(),
    rw: new Map(),
  }

  /** Nothing depends on itself, nor on what is not known. */
  add(kind: DependencyKind, from: T | undefined, to: T | undefined): void {
    if (from === undefined || to === undefined || from === to) return
    const next = this.#next[kind]
    next.set(from, (next.get(from) ?? new Set<T>()).add(to))
  }

  /** Whether some dependency of that kind is closed to a cycle by others of these kinds. */
  cycleThrough(kind: DependencyKind, kinds: readonly DependencyKind[]): boolean {
    for (const [from, followers] of this.#next[kind]) {
      for (const to of followers) if (this.#reaches(to, from, kinds)) return true
    }
    return false
  }

  #reaches(from: T, to: T, kinds: readonly DependencyKind[]): boolean {
    const reached = new Set([from])
    for (const unit of reached) {
      if (unit === to) return true
      for (const kind of kinds) for (const next of this.#next[kind].get(unit) ?? []) reached.add(next)
    }
    return false
  }
}
