/** What the guardian is told to do: make the folder, write the files, run the steps one after the other. */
export interface Assignment {
  readonly folder: string
  readonly files: Readonly<Record<string, string>>
  readonly steps: readonly Step[]
}

export interface Step {
  readonly command: readonly [string, ...string[]]
  /** Name of the file that is the standard input. */
  readonly input?: string
  /** Variables beside those of the guardian. */
  readonly environment?: Readonly<Record<string, string>>
}

/** Told to the guardian later on: kill the server as it stands and run its step again, on the same data. */
export const crash = 'crash'

/** What the guardian tells. */
export type Report = Ended | Restarted

/** Sent when a step failed, or when the last one, the server, ended. */
export interface Ended {
  readonly reason: string
}

/** Sent when the server was killed and another process is about to take its place. */
export interface Restarted {
  readonly restarted: true
}

/** Names inside the folder. */
export const logFile = 'server.log'
export const dataFolder = 'data'
export const processIdFile = 'pid'
