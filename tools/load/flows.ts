import { publishPacket } from './codec.ts'
import type { Connection } from './connection.ts'
import type { Flow, Pace } from './job.ts'
import { freshSerial, MARK, markIn, setMark } from './mark.ts'

/** Milliseconds that the last messages have to be heard. */
const PATIENCE = 5_000
/** Messages of one flow under way, at most: a sender whom the broker cannot follow skips what is beyond. */
const MAX_OPEN = 1_000

/** What flows need of a connection. */
export type Device = Pick<Connection, 'nextId' | 'write' | 'hears'>

interface Sent {
  /** When it was to be sent, by `performance.now()`. */
  since: number
  /** Those who have not heard it. */
  left: number
}

interface Line {
  flow: Flow
  sender: Device
  packet: Buffer
  idAt: number
  markAt: number
  serial: number
  open: Map<number, Sent>
}

/** Sends the messages of all flows, and counts what is heard of them. */
export class Flows {
  done = 0
  unexpected = 0
  measured: number[] = []
  readonly #lines: Line[]
  readonly #pace: Pace
  #isRunning = false
  #skipped = 0
  #timer: NodeJS.Timeout | undefined

  constructor(flows: readonly Flow[], qos: 0 | 1, pace: Pace, clients: readonly Device[]) {
    this.#pace = pace
    const serial = freshSerial()
    this.#lines = flows.map((flow) => {
      const { bytes, idAt } = publishPacket(flow.topic, `${flow.before}${MARK}${flow.after}`, qos)
      const markAt = bytes.length - Buffer.byteLength(flow.after) - MARK.length
      return { flow, sender: clients[flow.from]!, packet: bytes, idAt, markAt, serial, open: new Map() }
    })
    for (const client of clients) client.hears = (bytes, from, to) => this.#hear(bytes, from, to)
  }

  go(): void {
    this.#isRunning = true
    ;[this.done, this.unexpected, this.measured] = [0, 0, []]
    const pace = this.#pace
    const began = performance.now()
    if ('window' in pace) {
      for (const [i, line] of this.#lines.entries()) {
        for (let open = 0; open < pace.window; open++) this.#send(i, line, began)
      }
      return
    }
    let sent = 0
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - began) * pace.perSecond) / 1_000)
      for (; sent < due; sent++) {
        const i = sent % this.#lines.length
        // What should have been sent while this process was busy has waited since then.
        this.#send(i, this.#lines[i]!, began + (sent * 1_000) / pace.perSecond)
      }
    }, 1)
  }

  stop(): void {
    this.#isRunning = false
    clearInterval(this.#timer)
  }

  /** Waits for what is under way. @returns how many messages were skipped, or not heard by all */
  async drain(): Promise<number> {
    const until = performance.now() + PATIENCE
    const open = (): number => this.#lines.reduce((sum, line) => sum + line.open.size, 0)
    while (open() > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, 5))
    const lost = open() + this.#skipped
    this.#skipped = 0
    for (const line of this.#lines) line.open.clear()
    return lost
  }

  #send(i: number, line: Line, since: number): void {
    if (line.open.size >= MAX_OPEN) return void this.#skipped++
    const serial = ++line.serial
    line.open.set(serial, { since, left: line.flow.to.length })
    const packet = Buffer.allocUnsafe(line.packet.length)
    line.packet.copy(packet)
    setMark(packet, line.markAt, i, serial)
    if (line.idAt >= 0) packet.writeUInt16BE(line.sender.nextId(), line.idAt)
    line.sender.write(packet)
  }

  #hear(bytes: Buffer, from: number, to: number): void {
    const mark = markIn(bytes, from, to)
    const line = mark && this.#lines[mark.flow]
    const sent = line?.open.get(mark!.serial)
    if (!line || !sent) return void this.unexpected++
    const now = performance.now()
    if (this.#isRunning) this.measured.push(now - sent.since)
    if (--sent.left > 0) return
    line.open.delete(mark.serial)
    if (!this.#isRunning) return
    this.done++
    if ('window' in this.#pace) this.#send(mark.flow, line, now)
  }
}
