import type { Reporter, SerializedError, TestModule } from 'vitest/node'
import { totalsFileVariable, writeTotals } from './totals.ts'

/** Leaves the totals where the process that started vitest finds them, even if vitest crashes afterwards. */
export default class TotalsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const file = process.env[totalsFileVariable]
    if (file === undefined) throw new Error(`expected the name of a file in ${totalsFileVariable}, got none`)
    writeTotals(file, {
      passed: sum(modules, (module) => countTests(module, 'passed')),
      failed: unhandledErrors.length + sum(modules, failures),
    })
  }
}

function failures(module: TestModule): number {
  const tests = countTests(module, 'failed')
  // A module that failed without a failed test could not be loaded, or a hook of it failed.
  return tests === 0 && module.state() === 'failed' ? 1 : tests
}

function countTests(module: TestModule, state: 'passed' | 'failed'): number {
  return [...module.children.allTests(state)].length
}

function sum(modules: readonly TestModule[], count: (module: TestModule) => number): number {
  return modules.reduce((total, module) => total + count(module), 0)
}
