import type { WebSocket } from 'ws'

/** Frames that carry nothing, of one WebSocket in ten seconds; more end it. */
const MAX_EMPTY = 1_000
/** Milliseconds. */
const COUNTED = 10_000

/** Ends a WebSocket that sends PINGs, PONGs and empty messages without end: no limit of MQTT packets sees them. */
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
