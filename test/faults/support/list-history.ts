/** What units did to lists, as those who ran them saw it. Every value is appended at most once. */
export interface History {
  readonly units: readonly HistoryUnit[]
  /** The lists as they are in the end. */
  readonly final: ReadonlyMap<number, readonly number[]>
}

export interface HistoryUnit {
  readonly committed: boolean
  readonly operations: readonly Operation[]
}

export type Operation =
  | { readonly type: 'append'; readonly key: number; readonly value: number }
  | { readonly type: 'read'; readonly key: number; readonly values: readonly number[] }
