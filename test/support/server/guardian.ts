/**
 * Runs a server on behalf of the process that forked it, and outlives that process just long enough to clean up
 * after it: the end of the channel between the two, which not even SIGKILL can prevent, ends the server and
 * removes its folder. Runs in a session of its own, so a Ctrl-C in the terminal does not end it first.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Assignment, crash, dataFolder, logFile, type Report, type Step } from './assignment.ts'

let folder: string | undefined
let running: ChildProcess | undefined
let crashing = false

process.on('message', (message: Assignment | typeof crash) => {
  if (message === crash) crashServer()
  else begin(message)
})

function begin(assignment: Assignment): void {
  folder = assignment.folder
  mkdirSync(folder, { mode: 0o700 })
  mkdirSync(join(folder, dataFolder))
  for (const [name, content] of Object.entries(assignment.files)) writeFileSync(join(folder, name), content)
  runSteps(folder, assignment.steps)
}

function crashServer(): void {
  // One that has ended was reported already.
  if (running === undefined) return
  crashing = true
  kill(running)
}

process.once('disconnect', () => {
  if (running === undefined) {
    removeAndExit()
  } else {
    running.once('close', removeAndExit)
    kill(running)
  }
})

function runSteps(workFolder: string, [step, ...rest]: readonly Step[]): void {
  if (step === undefined) return
  const [file, ...args] = step.command
  const log = openSync(join(workFolder, logFile), 'a')
  const child = spawn(file, args, {
    cwd: workFolder,
    env: { ...process.env, ...step.environment },
    // A group of its own, so that helpers of the server are killed with it.
    detached: true,
    stdio: [step.input === undefined ? 'ignore' : openSync(join(workFolder, step.input), 'r'), log, log],
  })
  running = child
  child.once('error', (error) => {
    report({ reason: `${file}: ${error.message}` })
  })
  child.once('close', (code, signal) => {
    running = undefined
    if (!process.connected) return
    if (crashing) {
      crashing = false
      runSteps(workFolder, [step])
      report({ restarted: true })
    } else if (code === 0 && rest.length > 0) runSteps(workFolder, rest)
    else report({ reason: `${file} ended with ${code ?? signal}` })
  })
}

function report(message: Report): void {
  if (process.connected) process.send?.(message)
}

function kill(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It ended by itself a moment ago.
  }
}

function removeAndExit(): void {
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
  process.exit()
}
