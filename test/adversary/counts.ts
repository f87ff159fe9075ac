/** How often what happened, for the summary. */
export class Counts {
  readonly #units = new Map<string, number>()
  readonly #faults = new Map<string, number>()
  #connections = 0
  rounds = 0

  unit(outcome: string): void {
    this.#units.set(outcome, (this.#units.get(outcome) ?? 0) + 1)
  }

  fault(kind: string, count: number): void {
    this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + count)
  }

  opened(connections: number): void {
    this.#connections += connections
  }

  get summary(): string {
    return `${this.rounds} rounds; units: ${list(this.#units)}; faults: ${list(this.#faults)}; connections opened: ${this.#connections}`
  }
}

function list(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].sort(([, a], [, b]) => b - a)
  return sorted.map(([name, count]) => `${name} × ${count}`).join(', ') || 'none'
}
