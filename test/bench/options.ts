import { parseArgs } from 'node:util'
import type { ServerKind } from '@leasehold/test-support/server'
import { type PeerName, peerNames } from './peers/index.ts'
import { type Workload, workloads } from './workloads/index.ts'

export interface Options {
  readonly workloads: readonly Workload[]
  readonly peers: readonly PeerName[]
  /** Milliseconds; undefined for those that each workload is looked at by default. */
  readonly rtts: readonly number[] | undefined
  readonly servers: readonly ServerKind[]
  /** Measured for each peer, workload and distance. */
  readonly seconds: number
  /** Whether to stop after the check. */
  readonly checkOnly: boolean
  readonly reportFile: string | undefined
}

/** The message is for the person at the keyboard. */
export class OptionsError extends Error {
  override readonly name = 'OptionsError'
}

export const HELP = `Compares Leasehold with its peers: same units, same rows, same distance.

Usage: npm run bench -- [options]

  --only A,B        these workloads: ${wrapped(workloads.map(({ name }) => name))}
  --peers A,B       these peers, and leasehold: ${wrapped(peerNames)}
  --rtt 0,0.5,1,5   these distances, in milliseconds of round trip, for every workload
  --server KIND     mariadb (unless given), mysql or both
  --seconds N       measured for each peer, workload and distance (1)
  --check           only check that all peers give the same and leave the same rows behind
  --report FILE     write the figures to a file as JSON, and beside it as .md and .svg
  --help            show this text`

/** What the command line asks for; throws an {@link OptionsError} that names what is wrong with it. */
export function parseOptions(args: readonly string[]): Options | 'help' {
  const values = split(args)
  if (values.help === true) return 'help'
  return {
    workloads: chosen('only', values.only, workloads, ({ name }) => name),
    peers: withFirst(chosen('peers', values.peers, peerNames, (name) => name)),
    rtts: values.rtt?.split(',').map((text) => number('rtt', text, { from: 0, to: 1000 })),
    servers: serverKinds(values.server ?? 'mariadb'),
    seconds: number('seconds', values.seconds ?? '1', { from: 0.01, to: 3600 }),
    checkOnly: values.check ?? false,
    reportFile: values.report,
  }
}

const string = { type: 'string' } as const
const boolean = { type: 'boolean' } as const

function split(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        only: string,
        peers: string,
        rtt: string,
        server: string,
        seconds: string,
        check: boolean,
        report: string,
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw new OptionsError(`${error instanceof Error ? error.message : String(error)}\n\n${HELP}`)
  }
}

function chosen<T>(option: string, text: string | undefined, all: readonly T[], nameOf: (one: T) => string) {
  if (text === undefined) return all
  return text.split(',').map((name) => {
    const found = all.find((one) => nameOf(one) === name)
    if (found !== undefined) return found
    throw new OptionsError(`--${option}: expected some of ${all.map(nameOf).join(', ')}; got "${name}"`)
  })
}

/** Everything is compared with the first peer. */
function withFirst(names: readonly PeerName[]): readonly PeerName[] {
  return peerNames.filter((name, index) => index === 0 || names.includes(name))
}

function number(option: string, text: string, { from, to }: { from: number; to: number }): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (value >= from && value <= to) return value
  throw new OptionsError(`--${option}: expected a number from ${from} to ${to}, got "${text}"`)
}

function serverKinds(text: string): readonly ServerKind[] {
  if (text === 'mariadb' || text === 'mysql') return [text]
  if (text === 'both') return ['mariadb', 'mysql']
  throw new OptionsError(`--server: expected mariadb, mysql or both, got "${text}"`)
}

function wrapped(names: readonly string[]): string {
  return names.join(', ').replaceAll(/(.{60}\S*) /g, `$1\n${' '.repeat(20)}`)
}
