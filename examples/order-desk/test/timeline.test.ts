import { expect, test } from 'vitest'
import { countEqual, drawTimeline } from '../timeline.ts'

test('counts equal labels where the first of them stands', () => {
  expect(countEqual(['a', 'b', 'a', 'c', 'a'])).toEqual(['a × 3', 'b', 'c'])
})

test('draws each flight on one axis', () => {
  const drawn = drawTimeline('New-Order', [
    { labels: ['a', 'b', 'b'], startMs: 0, durationMs: 1 },
    { labels: ['c'], startMs: 1, durationMs: 0.5 },
    { labels: ['commit'], startMs: 1.5, durationMs: 0.5 },
  ])

  expect(drawn.split('\n').map((line) => line.trimEnd())).toEqual([
    'New-Order: 4 statements, 3 flights, 2.00 ms',
    `  1  ${'█'.repeat(30)}${' '.repeat(30)}  0.00 + 1.00 ms`,
    '     a, b × 2',
    `  2  ${' '.repeat(30)}${'█'.repeat(15)}${' '.repeat(15)}  1.00 + 0.50 ms`,
    '     c',
    `  3  ${' '.repeat(45)}${'█'.repeat(15)}  1.50 + 0.50 ms`,
    '     commit',
  ])
})
