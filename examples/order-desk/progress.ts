/** Where progress is shown: a bar that moves on a terminal, a line now and then in a log. */
export interface Progress {
  readonly update: (fraction: number, note?: string) => void
  readonly end: () => void
}

const BAR = 30
const LOG_EVERY_MS = 5_000

export function showProgress(title: string, output: NodeJS.WriteStream = process.stderr): Progress {
  return output.isTTY ? bar(title, output) : log(title, output)
}

function bar(title: string, output: NodeJS.WriteStream): Progress {
  let shownAt = 0
  return {
    update(fraction, note = '') {
      const now = performance.now()
      if (now - shownAt < 50) return
      shownAt = now
      const filled = Math.round(Math.min(fraction, 1) * BAR)
      const text = `${title}  ${'█'.repeat(filled)}${'░'.repeat(BAR - filled)} ${percent(fraction)}  ${note}`
      output.write(`\r\x1b[K${text.slice(0, output.columns - 1)}`)
    },
    end: () => {
      output.write('\r\x1b[K')
    },
  }
}

function log(title: string, output: NodeJS.WriteStream): Progress {
  let shownAt = performance.now()
  return {
    update(fraction, note = '') {
      const now = performance.now()
      if (now - shownAt < LOG_EVERY_MS) return
      shownAt = now
      output.write(`${title}  ${percent(fraction)}  ${note}\n`)
    },
    end: () => {},
  }
}

function percent(fraction: number): string {
  return `${Math.floor(Math.min(fraction, 1) * 100)} %`.padStart(5)
}
