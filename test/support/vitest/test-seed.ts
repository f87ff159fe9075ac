import { onTestFailed } from 'vitest'
import { chooseSeed } from '../seed.ts'

/** The seed of the test that is running, whose failure will tell it. */
export function testSeed(): number {
  const seed = chooseSeed()
  onTestFailed(({ task }) => {
    for (const error of task.result?.errors ?? []) error.message += `\nLEASEHOLD_SEED=${seed}`
  })
  return seed
}
