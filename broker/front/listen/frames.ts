import type { WebSocket } from 'ws'

/** Empty frames allowed to one WebSocket in ten seconds; more end it. */
const MAX_EMPTY = 1_000
/** Milliseconds. */
const COUNTED = 10_000

/** Ends a WebSocket that floods PINGs, PONGs or empty messages, which the limit of MQTT packets does not count. */
export function boundFrames(ws: WebSocket): void {
  let [count, since] = [0, performance.now()]
  const empty = (): void => {
    const now = performance.now()
    if (now - since > COUNTED) [count, since] = [0, now]
    if (++count > MAX_EMPTY) ws.terminate()
  }
  ws.on('ping', empty)
  ws.on('pong', empty)
  ws.on('message', (data: Buffer) => {
    if (data.length === 0) empty()
  })
}
