/** Programs as data: they can be printed, made smaller and run by whoever knows how. */
import type { IsolationLevel } from '@leasehold/core'

/** How a row gets into the ledger: by whatever may write. */
export type MarkWay =
  | 'insert'
  | 'raw insert'
  | 'slot'
  | 'function'
  | 'odd function'
  | 'procedure'
  | 'returning'
  | 'hidden returning'

export type Failure =
  | 'throw'
  | 'syntax'
  | 'duplicate'
  | 'affected'
  | 'one'
  | 'signal'
  | 'unknown table'
  | 'returning'

export type Procedure = 'harmless' | 'failing' | 'swallowing' | 'committing' | 'recommitting'

/** `style` makes the text another one, so that it is prepared anew. */
export type Leaf =
  | {
      readonly do: 'mark'
      readonly how: MarkWay
      readonly step: number
      readonly slot: number
      readonly style: number
      readonly account?: number
      readonly cents?: number
    }
  | { readonly do: 'add'; readonly id: number; readonly cents: number; readonly style: number }
  | { readonly do: 'read' | 'find' | 'lock' | 'share'; readonly id: number; readonly style: number }
  | { readonly do: 'sum' | 'raw sum' | 'own' | 'list' | 'call read' | 'set' | 'session' | 'user lock' }
  | {
      readonly do: 'note'
      readonly how: 'insert' | 'upsert' | 'patch' | 'delete' | 'find'
      readonly id: number
    }
  | { readonly do: 'fail'; readonly how: Failure; readonly step: number }
  | { readonly do: 'call'; readonly procedure: Procedure; readonly slot: number; readonly step: number }
  | { readonly do: 'control'; readonly text: string }
  | { readonly do: 'sleep'; readonly ms: number }

export type Step =
  | Leaf
  /** Two accounts change and two rows are written into the ledger; the sum is kept. */
  | {
      readonly do: 'move'
      readonly from: number
      readonly to: number
      readonly cents: number
      readonly step: number
      readonly together: boolean
      readonly style: number
    }
  | { readonly do: 'load'; readonly ids: readonly number[] }
  | { readonly do: 'relate'; readonly ids: readonly number[] }
  | { readonly do: 'all' | 'turn' | 'each'; readonly parts: readonly Step[] }
  | { readonly do: 'then'; readonly parts: readonly [Step, Step] }
  | { readonly do: 'attempt'; readonly part: Step }
  | { readonly do: 'recover'; readonly part: Step; readonly otherwise: Step }

/** What only a body can do. */
export type BodyStep =
  | Step
  | { readonly do: 'tasks'; readonly tasks: readonly (readonly Step[])[] }
  | { readonly do: 'stream'; readonly pauseAt: number; readonly leaveAt: number | undefined }
  | { readonly do: 'stream lock'; readonly id: number }
  | { readonly do: 'pause'; readonly ms: number }
  /** Looks, from outside, whether the unit still has its lock of the account. */
  | { readonly do: 'holds'; readonly id: number }

export interface UnitOptions {
  readonly access: 'run' | 'read'
  readonly timeout?: number
  /** Milliseconds after which its signal is aborted. */
  readonly abortAfter?: number
  readonly retry?: boolean
  readonly isolationLevel?: IsolationLevel
  readonly accessMode?: 'read only' | 'read write'
  readonly snapshot?: boolean
  readonly statementTimeout?: number
  readonly outcomeKey?: boolean
  readonly hooks?: boolean
}

export type Program = { readonly unit: number; readonly options: UnitOptions } & (
  | { readonly form: 'query'; readonly root: Step }
  | { readonly form: 'body'; readonly steps: readonly BodyStep[] }
  /** `uow.stream`, by a consumer that pauses. */
  | {
      readonly form: 'stream'
      readonly pauseAt: number
      readonly leaveAt: number | undefined
      readonly pauseMs: number
    }
)

/** Whether it calls what commits by itself. */
export function mayCommit(program: Program): boolean {
  return /"(?:re)?committing"/.test(JSON.stringify(program))
}

export function isBodyOnly(step: BodyStep): step is Exclude<BodyStep, Step> {
  return ['tasks', 'stream', 'stream lock', 'pause', 'holds'].includes(step.do)
}

/** What a move is made of. */
export function partsOf(move: Extract<Step, { do: 'move' }>): Step {
  const { from, to, cents, step, together, style } = move
  const half = (account: number, cents: number, step: number): Step[] => [
    { do: 'add', id: account, cents, style },
    { do: 'mark', how: 'insert', step, slot: 1, style, account, cents },
  ]
  const parts = [...half(from, -cents, step), ...half(to, cents, step + 1)]
  return { do: together ? 'all' : 'turn', parts }
}
