/** `npm run bench`: how fast are the units of Leasehold beside those of its peers, and at what cost? */
import { HELP, OptionsError, parseOptions } from './options.ts'
import { thisMachine } from './report/machine.ts'
import type { Run } from './report/report.ts'
import { describeRun } from './report/text.ts'
import { versions } from './report/versions.ts'
import { writeReport } from './report/write.ts'
import { benchServer } from './runner/bench.ts'
import { DifferenceError } from './runner/check.ts'

async function main(args: readonly string[]): Promise<void> {
  const options = parseOptions(args)
  if (options === 'help') {
    console.log(HELP)
    return
  }
  const runs: Run[] = []
  for (const kind of options.servers) {
    await benchServer(kind, options, {
      log: (line) => console.error(line),
      onRun(run) {
        runs.push(run)
        console.log(describeRun(run))
      },
    })
    // Also between servers, as each takes its minutes.
    if (options.reportFile !== undefined) {
      const { seconds } = options
      await writeReport(options.reportFile, {
        machine: thisMachine(),
        versions: await versions(),
        seconds,
        runs,
      })
    }
  }
  if (options.checkOnly) console.log('All peers give the same and leave the same rows behind.')
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  process.exitCode = 1
  const forPerson = error instanceof OptionsError || error instanceof DifferenceError
  console.error(forPerson ? error.message : error)
}
