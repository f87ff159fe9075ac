/** The reference: one statement at a time on a plain connection, in the order that is promised, without any cache. */
import { setImmediate as turn } from 'node:timers/promises'
import type { Connection } from 'mysql2/promise'
import type { Attempt } from '@leasehold/core'
import { type BodyStep, isBodyOnly, partsOf, type Program, type Step } from '../program/step.ts'
import { NUMBERS } from '../stage/schema.ts'
import { sendable, type StatementLeaf } from '../program/statements.ts'
import { loadRow, noteRow, relatedRows } from './naive-rows.ts'
import { Line } from './line.ts'
import { errorOf, Mismatch, Refused } from './mismatch.ts'
import { shaped } from './shaped.ts'

/** Runs a program in a transaction of its own; rejects with what it fails with, after ROLLBACK. */
export async function runNaively(connection: Connection, program: Program): Promise<unknown> {
  const { access, isolationLevel, snapshot, accessMode } = program.options
  const readOnly = access === 'read' || accessMode === 'read only'
  if (isolationLevel !== undefined)
    await connection.query(`set transaction isolation level ${isolationLevel}`)
  const modes = [
    ...(snapshot === true ? ['with consistent snapshot'] : []),
    ...(readOnly ? ['read only'] : []),
  ]
  await connection.query(`start transaction ${modes.join(', ')}`)
  try {
    const value = await new Naive(connection, program.unit, readOnly).run(program)
    await connection.query('commit')
    return value
  } catch (error) {
    await connection.query('rollback')
    throw error
  }
}

class Naive {
  readonly #connection: Connection
  readonly #unit: number
  readonly #readOnly: boolean
  #savepoints = 0

  constructor(connection: Connection, unit: number, readOnly: boolean) {
    this.#connection = connection
    this.#unit = unit
    this.#readOnly = readOnly
  }

  run(program: Program): Promise<unknown> {
    if (program.form === 'stream') return Promise.resolve(NUMBERS)
    const line = new Line()
    const work = program.form === 'query' ? this.#step(program.root, line) : this.#body(program.steps, line)
    return line.through(work)
  }

  async #body(steps: readonly BodyStep[], line: Line): Promise<unknown> {
    const values: unknown[] = []
    for (const step of steps) {
      if (!isBodyOnly(step)) values.push(await this.#step(step, line))
      else if (step.do === 'tasks')
        values.push(
          await this.#side(
            step.tasks.map((parts) => ({ do: 'turn', parts })),
            line,
          ),
        )
      else values.push(null)
    }
    return values
  }

  async #step(step: Step, line: Line): Promise<unknown> {
    switch (step.do) {
      case 'move':
        return this.#step(partsOf(step), line)
      case 'all':
      case 'each':
        return this.#side(step.parts, line)
      case 'turn':
      case 'then': {
        const values: unknown[] = []
        for (const part of step.parts) values.push(await this.#step(part, line))
        return values
      }
      case 'attempt':
        return line.join({ plain: false, reads: true, run: () => this.#attempt(step.part) })
      case 'recover': {
        const run = (): Promise<Attempt<unknown>> => this.#attempt(step.part)
        const attempt = (await line.join({ plain: false, reads: true, run })) as Attempt<unknown>
        return attempt.ok ? { whole: attempt.value } : { otherwise: await this.#step(step.otherwise, line) }
      }
      case 'load':
        return this.#reading(line, (connection) => Promise.all(step.ids.map((id) => loadRow(connection, id))))
      case 'relate':
        return this.#reading(line, (connection) => relatedRows(connection, step.ids))
      case 'note': {
        const run = (): Promise<unknown> => noteRow(this.#connection, step.how, step.id)
        try {
          return await line.join({ plain: true, reads: step.how === 'find' || !this.#readOnly, run })
        } catch (error) {
          if (!(error instanceof Mismatch) || error.name !== 'StaleError') throw error
          // Who finds no row to change asks for its version, in the next flight.
          return line.join({ plain: true, reads: true, run: () => Promise.reject(error) })
        }
      }
      case 'fail':
        if (step.how === 'throw') throw new Refused()
        break
      default:
    }
    // Its type is that of a leaf by now.
    const { builder, shape, reads } = sendable(step as StatementLeaf, this.#unit)
    const { sql, parameters, query } = 'compile' in builder ? builder.compile() : builder
    const run = async (): Promise<unknown> => {
      const [answer] = await this.#connection.query(sql, [...parameters])
      return shaped(answer, shape)
    }
    return line.join({ plain: query.kind !== 'RawNode', reads: reads || !this.#readOnly, run })
  }

  #reading(line: Line, look: (connection: Connection) => Promise<unknown>): Promise<unknown> {
    return line.join({ plain: true, reads: true, run: () => look(this.#connection) })
  }

  #side(parts: readonly Step[], line: Line): Promise<unknown[]> {
    return Promise.all(parts.map((part) => this.#step(part, line)))
  }

  async #attempt(part: Step): Promise<Attempt<unknown>> {
    this.#savepoints += 1
    const name = `naive_${this.#savepoints}`
    await this.#connection.query(`savepoint ${name}`)
    const line = new Line()
    try {
      return { ok: true, value: await line.through(this.#step(part, line)) }
    } catch (error) {
      if (error instanceof Mismatch && error.name === 'UsageError') throw error
      await this.#connection.query(`rollback to ${name}`)
      await turn()
      return { ok: false, error: errorOf(error) }
    }
  }
}
