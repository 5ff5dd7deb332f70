import { randomInt } from 'node:crypto'

// A mark in a payload says which message of which flow it is: `#00012.000000345#`, always as long.

const [FLOW, SERIAL] = [5, 9]
/** Where serials begin, at most; as many are left for the messages of one run. */
const HALF = 10 ** SERIAL / 2
const HASH = '#'.charCodeAt(0)
const ZERO = '0'.charCodeAt(0)

export const MARK = `#${'0'.repeat(FLOW)}.${'0'.repeat(SERIAL)}#`

/**
 * A serial to begin behind, another for each load: a command whose id the platform has seen is answered from memory, which costs
 * less than what is to be measured.
 */
export function freshSerial(): number {
  return randomInt(HALF)
}

/** Writes a mark over one. */
export function setMark(bytes: Buffer, at: number, flow: number, serial: number): void {
  digits(bytes, at + 1, FLOW, flow)
  digits(bytes, at + 2 + FLOW, SERIAL, serial)
}

/** Finds the mark in a payload. */
export function markIn(bytes: Buffer, from: number, to: number): { flow: number; serial: number } | undefined {
  const at = bytes.indexOf(HASH, from)
  if (at < 0 || at + MARK.length > to) return undefined
  return { flow: number(bytes, at + 1, FLOW), serial: number(bytes, at + 2 + FLOW, SERIAL) }
}

function digits(bytes: Buffer, at: number, count: number, value: number): void {
  for (let i = at + count - 1, left = value; i >= at; i--, left = Math.floor(left / 10)) bytes[i] = ZERO + (left % 10)
}

function number(bytes: Buffer, at: number, count: number): number {
  let value = 0
  for (let i = at; i < at + count; i++) value = value * 10 + bytes[i]! - ZERO
  return value
}
