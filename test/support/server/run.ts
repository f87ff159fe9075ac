import { spawn } from 'node:child_process'

export class CommandError extends Error {
  override readonly name = 'CommandError'
  readonly output: string

  constructor(command: string, reason: string, output: string) {
    super(`${command}: ${reason}\n${lastLines(output)}`)
    this.output = output
  }
}

/** Runs a command to its end and gives back what it printed. */
export function run(
  file: string,
  args: readonly string[],
  options: { env?: Readonly<Record<string, string>>; folder?: string } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      // Answers are read by this program: they must not be translated.
      env: { ...process.env, LC_ALL: 'C', ...options.env },
    })
    let output = ''
    const collect = (chunk: Buffer) => {
      output += chunk.toString()
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    child.on('error', (error) => {
      reject(new CommandError(file, error.message, output))
    })
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output)
      else reject(new CommandError(`${file} ${args.join(' ')}`, `ended with ${code ?? signal}`, output))
    })
  })
}

export function lastLines(text: string, count = 20): string {
  return text.trimEnd().split('\n').slice(-count).join('\n')
}
