// A delivery is either begun by the main thread or taken back by the connection thread: whichever changes its state first.

const OFFERED = 0
const BEGUN = 1
const TAKEN_BACK = 2

/** The states of `count` deliveries, shared by both threads. */
export function claims(count: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT))
}

/** Main thread: begins a delivery; false when it was taken back. */
export function begin(claims: Int32Array, i: number): boolean {
  return Atomics.compareExchange(claims, i, OFFERED, BEGUN) === OFFERED
}

/** Connection thread: takes a delivery back; false when it has begun. */
export function takeBack(claims: Int32Array, i: number): boolean {
  return Atomics.compareExchange(claims, i, OFFERED, TAKEN_BACK) === OFFERED
}

export function hasBegun(claims: Int32Array, i: number): boolean {
  return Atomics.load(claims, i) === BEGUN
}
