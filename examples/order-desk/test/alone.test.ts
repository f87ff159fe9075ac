import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { measureAlone } from '../alone.ts'
import { constantsForRun } from '../generate/nurand.ts'
import { Random } from '../generate/random.ts'
import { CONSTANTS, expectConsistent, openSmallDesk, SMALL, type SmallDesk } from './small-desk.ts'

let desk: SmallDesk

beforeAll(async () => {
  desk = await openSmallDesk(inject('server'))
})

afterAll(() => desk.close())

const options = {
  scale: SMALL,
  constants: constantsForRun(new Random(2), CONSTANTS),
  seed: 3,
  rounds: 3,
  sliceMs: 100,
}

test('compares one client in flights with the same one statement by statement', async () => {
  const { 'New-Order': inFlights, serial, ratio } = await measureAlone(desk.uri, options)
  await expectConsistent(desk)

  expect(inFlights.flights).toBe(3)
  // 46 statements and the commit; the first of them begins the transaction.
  expect(serial.flights).toBe(47)
  for (const figure of [inFlights.perSecond, inFlights.p50, serial.perSecond, serial.p50]) {
    expect(figure).toBeGreaterThan(0)
  }
  expect(ratio).toBe(inFlights.perSecond / serial.perSecond)
})

test('stops when told to', async () => {
  const reason = new Error('enough')
  const controller = new AbortController()
  setTimeout(() => {
    controller.abort(reason)
  }, 200)

  const measured = measureAlone(desk.uri, { ...options, sliceMs: 60_000, signal: controller.signal })

  await expect(measured).rejects.toBe(reason)
})
