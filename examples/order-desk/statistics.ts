/** What one kind of transaction did in a run; durations in milliseconds. */
export interface Tally {
  /** Duration of each unit that was committed, from the first attempt to the last. */
  readonly durations: number[]
  /** Units that ended as the specification wants them to, without a trace (clause 2.4.1.4). */
  rolledBack: number
  /** Attempts after one that met a deadlock or another conflict. */
  retries: number
  failures: number
  /** Of all attempts. */
  flights: number
  attempts: number
}

export function emptyTally(): Tally {
  return { durations: [], rolledBack: 0, retries: 0, failures: 0, flights: 0, attempts: 0 }
}

export interface Summary {
  readonly count: number
  readonly perSecond: number
  readonly p50: number
  readonly p95: number
  readonly p99: number
  readonly flights: number
  readonly rolledBack: number
  readonly retries: number
  readonly failures: number
}

export function summarize(tally: Tally, seconds: number): Summary {
  const sorted = tally.durations.toSorted((a, b) => a - b)
  return {
    count: sorted.length,
    perSecond: seconds === 0 ? 0 : sorted.length / seconds,
    p50: percentile(sorted, 50),
    p95: percentile(sorted, 95),
    p99: percentile(sorted, 99),
    flights: tally.attempts === 0 ? 0 : tally.flights / tally.attempts,
    rolledBack: tally.rolledBack,
    retries: tally.retries,
    failures: tally.failures,
  }
}

/** The smallest of the values that at least `percent` of them do not exceed; 0 of none. */
export function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? 0
}
