/** Callbacks for the next turn of the event loop. */
let waiting: (() => void)[] = []
let turn = 0
let isCounted = false

function next(): void {
  turn++
  isCounted = false
  const all = waiting
  waiting = []
  for (const call of all) call()
}

function count(): void {
  if (isCounted) return
  isCounted = true
  setImmediate(next)
}

/** The number of the current turn of the event loop. */
export function turnNow(): number {
  count()
  return turn
}

export function nextTurn(call: () => void): void {
  count()
  waiting.push(call)
}
