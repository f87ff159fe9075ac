import { spawn } from 'node:child_process'

/** A failure whose message says it all: shown without a stack. */
export class SetUpError extends Error {
  name = 'SetUpError'
}

/** Runs a command to its end and gives back its standard output; all it printed is shown only when it fails. */
export function runQuietly(file, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let everything = ''
    child.stdout.on('data', (chunk) => {
      output += chunk
      everything += chunk
    })
    child.stderr.on('data', (chunk) => {
      everything += chunk
    })
    child.on('error', (error) => {
      reject(new SetUpError(`${file}: ${error.message}`))
    })
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output.trim())
      else
        reject(new SetUpError(`${file} ${args.join(' ')} ended with ${code ?? signal}\n${everything.trim()}`))
    })
  })
}
