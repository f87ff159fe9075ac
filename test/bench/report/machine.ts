import { cpus, loadavg, release, totalmem } from 'node:os'

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGb: number
  readonly system: string
  /** Processes that wanted to run, over the last quarter of an hour: well above the cores, others were at work too. */
  readonly load: number
}

export function thisMachine(): Machine {
  const [processor, ...others] = cpus()
  return {
    processor: processor?.model.trim() ?? 'unknown',
    cores: others.length + 1,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    load: Math.round((loadavg()[2] ?? 0) * 10) / 10,
    system: `${process.platform} ${release().split('-')[0]}, ${process.arch}`,
  }
}
