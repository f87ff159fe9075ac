/** What happens in a round, as far as chance decides: programs by client, faults by time. Data, so that it can be made smaller. */
import type { ServerKind } from '@leasehold/test-support/server'
import { Random } from '../../../examples/order-desk/generate/random.ts'
import { pick, times, weighted } from '../choice.ts'
import { hostileUnit } from '../program/generate-unit.ts'
import type { Program } from '../program/step.ts'

export const FAULT_KINDS = [
  'cut',
  'cut within',
  'reset',
  'delay',
  'kill',
  'kill query',
  'read only',
  'read only under a lock',
  'alter',
  'rename',
  'lock tables',
  'rival',
  'cross rival',
  'crash',
] as const

export type FaultKind = (typeof FAULT_KINDS)[number]

export interface Fault {
  readonly kind: FaultKind
  /** Milliseconds from the beginning of the round. */
  readonly at: number
  /** What it makes its choices of. */
  readonly seed: number
}

export interface Plan {
  readonly seed: number
  readonly clients: readonly (readonly Program[])[]
  readonly faults: readonly Fault[]
  readonly connections: number
  /** Unless given, the driver finds out. */
  readonly pipeline?: boolean
  readonly preparedStatements?: number
  /** Whether every byte travels by itself. */
  readonly sliced: boolean
}

const UNITS = 60
/** Milliseconds in which faults strike. */
const DURATION = 4_000

export function planOf(seed: number, kind: ServerKind): Plan {
  const random = new Random(seed, 1)
  const sliced = random.chance(8)
  const focus = weighted(random, [
    [3, undefined],
    [1, 'lone'],
    [1, 'transfers'],
  ])
  const scope = { random, focus, calm: false, returning: kind === 'mariadb', streams: !sliced }
  const clientCount = random.integer(4, 14)
  let unit = 0
  const clients = times(clientCount, () => times(UNITS, () => hostileUnit(++unit, scope)))
  const pipeline = random.chance(15) ? false : random.chance(50) ? true : undefined
  return {
    seed,
    clients,
    faults: faultsOf(random),
    connections: random.chance(50) ? clientCount : random.integer(2, clientCount),
    sliced,
    ...(pipeline === undefined ? {} : { pipeline }),
    ...(random.chance(20) ? { preparedStatements: pick(random, [0, 8]) } : {}),
  }
}

/** A round has a few kinds of faults and not all, so that one does not hide what another does. */
function faultsOf(random: Random): Fault[] {
  const kinds = times(random.integer(0, 4), () => weighted(random, USUAL))
  const every = random.integer(20, 120)
  const faults: Fault[] = []
  for (
    let at = random.integer(0, every);
    at < DURATION && kinds.length > 0;
    at += random.integer(1, 2 * every)
  ) {
    const kind = weighted(
      random,
      kinds.map((kind) => [1, kind] as const),
    )
    faults.push({ kind, at, seed: random.integer(0, 2 ** 30) })
  }
  if (!random.chance(8)) return faults
  const crash: Fault = { kind: 'crash', at: random.integer(300, 1_500), seed: 0 }
  // A server that is killed while it moves a trigger with its table may leave the trigger's file cut off.
  const others = faults.filter(({ kind }) => kind !== 'rename' && kind !== 'alter')
  return [...others, crash].sort((a, b) => a.at - b.at)
}

/** Those that meet a unit at the one moment that counts come more often. */
const USUAL: readonly (readonly [weight: number, kind: FaultKind])[] = [
  [2, 'cut'],
  [1, 'cut within'],
  [1, 'reset'],
  [1, 'delay'],
  [2, 'kill'],
  [2, 'kill query'],
  [1, 'read only'],
  [4, 'read only under a lock'],
  [1, 'alter'],
  [4, 'rename'],
  [4, 'lock tables'],
  [1, 'rival'],
  [4, 'cross rival'],
]
