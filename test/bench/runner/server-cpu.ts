import { readFile } from 'node:fs/promises'

/** Linux counts in ticks of 10 ms, whatever the kernel's own are. */
const TICK_MS = 10

/** Milliseconds of processor time that a process has used; undefined where there is no /proc to say so. */
export async function cpuMsOf(processId: number | undefined): Promise<number | undefined> {
  if (processId === undefined || process.platform !== 'linux') return undefined
  const stat = await readFile(`/proc/${processId}/stat`, 'latin1')
  // The name, in parentheses, may hold anything; user and system time are the 12th and 13th after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}
