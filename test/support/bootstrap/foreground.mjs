import { spawn } from 'node:child_process'
import { SetUpError } from './command.mjs'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** Runs a command in this process's place: same terminal, signals passed on, same end. */
export function runInForeground(file, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...options, stdio: 'inherit' })
    const passOn = (signal) => {
      // A terminal sends Ctrl-C to every process in the foreground; a second one would mean "at once".
      if (signal === 'SIGINT' && process.stdin.isTTY) return
      child.kill(signal)
    }
    for (const signal of signals) process.on(signal, passOn)
    child.on('error', (error) => {
      reject(new SetUpError(`${file}: ${error.message}`))
    })
    child.on('exit', (code, signal) => {
      for (const name of signals) process.off(name, passOn)
      if (signal === null) process.exitCode = code
      else process.kill(process.pid, signal)
      resolve()
    })
  })
}
