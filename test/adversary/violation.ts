import type { Program } from './program/step.ts'

/** A promise that was broken. */
export interface Violation {
  /** Which promise. */
  readonly rule: string
  /** What kind of unit or error broke it, so that the same are counted together. */
  readonly detail: string
  readonly program?: Program | undefined
  readonly seen: string
}
