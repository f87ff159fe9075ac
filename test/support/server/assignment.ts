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
}

/** Sent when a step failed, or when the last one, the server, ended. */
export interface Ended {
  readonly reason: string
}

/** Names inside the folder. */
export const logFile = 'server.log'
export const dataFolder = 'data'
