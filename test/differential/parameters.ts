/** Values of every kind that a caller may bind, whatever the column. */
import type { Random } from '../../examples/order-desk/generate/random.ts'
import { pick } from '../adversary/choice.ts'

const VALUES = [
  'nobody',
  '',
  'A',
  '1',
  '-0',
  '0.1',
  '9007199254740993',
  '12345678901234567890.1234',
  '2026-03-29',
  '2026-03-29 02:30:00.000001',
  '{"a":1}',
  'ä\'"\\😀',
  0,
  -0,
  1,
  -1,
  1.5,
  0.1,
  1e300,
  2026,
  9_007_199_254_740_993n,
  18_446_744_073_709_551_615n,
  -(2n ** 63n),
  true,
  false,
  null,
  new Date('2026-03-29T02:30:00Z'),
  new Date('2026-03-29T02:30:00.500Z'),
  Buffer.from('nobody'),
  Buffer.of(1),
  Buffer.of(0, 49),
  Buffer.alloc(0),
] as const

export function parameterOf(random: Random): unknown {
  return pick<unknown>(random, VALUES)
}
