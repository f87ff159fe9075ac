/** Encodes the execution of a prepared statement (MySQL Source Documentation, "COM_STMT_EXECUTE"). */
import type { Statement } from '@leasehold/core'
import type { Prepared } from '../protocol/reply-readers.ts'
import { isPlaced } from '../builder/compiler.ts'
import type { ServerKind } from '../protocol/server-kind.ts'
import { datetimeText } from './datetimes.ts'
import { PACKET_HEADER, withHeader } from '../protocol/packets.ts'
import { isDecimal } from './text-parameters.ts'
import { mustSplit } from './multi-value-comparison.ts'

const COM_STMT_EXECUTE = 0x17
/** Command (1), statement id (4), flags (1, none), iteration count (4, always 1). */
const FIXED_BYTES = 10

const NONE: ReadonlySet<number> = new Set()
const NO_ROLES = { operands: NONE, stored: NONE, comparisons: [] }

/** Types of parameters (MySQL Source Documentation, "field_types.h"); the high byte 0x80 marks unsigned ones. */
const TYPE = { null: 0x06, integer: 0x08, unsigned: 0x80_08, decimal: 0xf6, bytes: 0xfc, text: 0xfd } as const

/** An encodable value: integers take eight bytes, other types are length-encoded. */
interface Parameter {
  readonly type: number
  readonly value: string | number | bigint | Uint8Array | null
  /** Bytes of a length-encoded value. */
  readonly length: number
}

/**
 * The packet for the statement, in which every value has the same type as its literal in text. Expects bindable values.
 * `undefined` if no packet gives the same result as the text. Parameters cannot express doubles and booleans, and MySQL
 * converts types other than those it expects, see {@link isExpected}.
 */
export function executePacket(
  prepared: Prepared,
  statement: Statement,
  server: ServerKind,
): Buffer | undefined {
  const { compiled, parameters: values } = statement
  const { operands, stored, comparisons } = isPlaced(compiled) ? compiled : NO_ROLES
  if (comparisons.some((comparison) => mustSplit(comparison, values))) return undefined
  const parameters: Parameter[] = []
  let size = PACKET_HEADER + FIXED_BYTES
  if (values.length > 0) size += ((values.length + 7) >> 3) + 1 + 2 * values.length
  for (const [index, value] of values.entries()) {
    const isOperand = operands.has(index)
    const parameter = isOperand && isDecimal(value) ? numberOf(value) : parameterOf(value)
    if (parameter === undefined) return undefined
    // Arithmetic treats only numbers in the same way as their literals.
    if (isOperand && (parameter.type === TYPE.bytes || parameter.type === TYPE.text)) return undefined
    // Compared with a number, MariaDB reads bytes as a number in a literal, and as text in a parameter.
    if (server === 'mariadb' && parameter.type === TYPE.bytes && !stored.has(index)) return undefined
    if (server === 'mysql' && !isExpected(value, parameter, prepared.expected[index])) return undefined
    parameters.push(parameter)
    size += sizeOf(parameter)
  }

  const packet = Buffer.allocUnsafe(size)
  let at = PACKET_HEADER
  packet[at] = COM_STMT_EXECUTE
  packet.writeUInt32LE(prepared.id, at + 1)
  packet[at + 5] = 0
  packet.writeUInt32LE(1, at + 6)
  at += FIXED_BYTES
  if (values.length > 0) at = writeTypes(packet, at, parameters)
  for (const parameter of parameters) at = writeValue(packet, at, parameter)
  return withHeader(packet)
}

/**
 * Whether MySQL reads the parameter as it reads its literal. It derives parameter types from their context in PREPARE and
 * from the values of the first execution, and converts later values to these types.
 */
function isExpected(value: unknown, { type }: Parameter, expected: number | undefined): boolean {
  if (type === TYPE.null) return true
  // Compared with JSON, a literal TRUE is a boolean, which no parameter type expresses.
  if (typeof value === 'boolean') return false
  if (value instanceof Date) return MOMENTS.has(expected)
  switch (type) {
    case TYPE.integer:
    case TYPE.unsigned:
      return INTEGERS.has(expected) || NUMBERS.has(expected)
    case TYPE.decimal:
      return NUMBERS.has(expected)
    case TYPE.text:
      return TEXTS.has(expected)
    default:
      return BYTES.has(expected)
  }
}

/** Types of columns (MySQL Source Documentation, "field_types.h"): TINY, SHORT, LONG, LONGLONG, INT24. */
const INTEGERS: ReadonlySet<number | undefined> = new Set([1, 2, 3, 8, 9])
/** FLOAT, DOUBLE, NEWDECIMAL. */
const NUMBERS: ReadonlySet<number | undefined> = new Set([4, 5, 246])
/** TIMESTAMP, DATE, DATETIME. */
const MOMENTS: ReadonlySet<number | undefined> = new Set([7, 10, 12])
/** VARCHAR, the texts, VAR_STRING, STRING. */
const TEXTS: ReadonlySet<number | undefined> = new Set([15, 249, 250, 251, 252, 253, 254])
/** The protocol has no types of its own for binary columns: they are text with the character set `binary`. */
const BYTES = TEXTS

function parameterOf(value: unknown): Parameter | undefined {
  switch (typeof value) {
    case 'string':
      return textParameter(TYPE.text, value)
    case 'number':
      if (Number.isSafeInteger(value)) return { type: TYPE.integer, value, length: 0 }
      return DECIMAL.test(String(value)) ? textParameter(TYPE.decimal, String(value)) : undefined
    case 'boolean':
      return { type: TYPE.integer, value: Number(value), length: 0 }
    case 'bigint':
      if (value === BigInt.asIntN(64, value)) return { type: TYPE.integer, value, length: 0 }
      if (value === BigInt.asUintN(64, value)) return { type: TYPE.unsigned, value, length: 0 }
      return textParameter(TYPE.decimal, String(value))
    default:
      if (value === null) return { type: TYPE.null, value, length: 0 }
      if (value instanceof Date) return textParameter(TYPE.text, datetimeText(value))
      return { type: TYPE.bytes, value: value as Uint8Array, length: (value as Uint8Array).length }
  }
}

/** A decimal in text that is an operand of arithmetic, as a number. */
function numberOf(text: string): Parameter | undefined {
  return text.includes('.') ? textParameter(TYPE.decimal, text) : parameterOf(BigInt(text))
}

/** A literal with an exponent is a double, so it does not match. */
const DECIMAL = /^-?\d+(?:\.\d+)?$/

function textParameter(type: number, text: string): Parameter {
  return { type, value: text, length: Buffer.byteLength(text) }
}

function sizeOf({ type, length }: Parameter): number {
  if (type === TYPE.null) return 0
  return isInteger(type) ? 8 : lengthSize(length) + length
}

function isInteger(type: number): boolean {
  return type === TYPE.integer || type === TYPE.unsigned
}

/** Bytes of a length-encoded integer (MySQL Source Documentation, "Integer Types"). */
function lengthSize(length: number): number {
  if (length < 0xfb) return 1
  if (length <= 0xff_ff) return 3
  return length <= 0xff_ff_ff ? 4 : 9
}

/** Writes the NULL bitmap, the flag for new types, and the types; returns the next offset. */
function writeTypes(packet: Buffer, from: number, parameters: readonly Parameter[]): number {
  let at = from + ((parameters.length + 7) >> 3)
  packet.fill(0, from, at)
  packet[at] = 1
  at += 1
  for (const [index, { type }] of parameters.entries()) {
    const byte = from + (index >> 3)
    if (type === TYPE.null) packet[byte] = (packet[byte] ?? 0) | (1 << (index & 7))
    at = packet.writeUInt16LE(type, at)
  }
  return at
}

function writeValue(packet: Buffer, at: number, { type, value, length }: Parameter): number {
  if (value === null) return at
  if (typeof value === 'number') {
    packet.writeInt32LE(value | 0, at)
    return packet.writeInt32LE(Math.floor(value / 2 ** 32), at + 4)
  }
  if (typeof value === 'bigint') {
    return type === TYPE.unsigned ? packet.writeBigUInt64LE(value, at) : packet.writeBigInt64LE(value, at)
  }
  const start = writeLength(packet, at, length)
  if (typeof value === 'string') packet.write(value, start)
  else packet.set(value, start)
  return start + length
}

function writeLength(packet: Buffer, at: number, length: number): number {
  switch (lengthSize(length)) {
    case 1:
      return packet.writeUInt8(length, at)
    case 3:
      packet[at] = 0xfc
      return packet.writeUInt16LE(length, at + 1)
    case 4:
      packet[at] = 0xfd
      return packet.writeUIntLE(length, at + 1, 3)
    default:
      packet[at] = 0xfe
      return packet.writeBigUInt64LE(BigInt(length), at + 1)
  }
}
