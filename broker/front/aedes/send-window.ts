import type { InnerClient } from './internals.ts'
import type { KeptSession } from '../../seam/kept-sessions.ts'

/** What a client that says nothing takes at once. */
export const NO_LIMIT = 65_535

/**
 * The Receive Maximum of a client [MQTT-3.3.4-9]: how many messages of QoS 1 and 2 it may have that it has not acknowledged. The
 * others wait in its session; `next` is told when there is room.
 */
export class SendWindow {
  readonly #most: number
  readonly #underWay = new Set<number>()
  /** Something waits for room: what comes later lines up behind it. */
  isQueued = false
  next = (): void => {}
  #wake: (() => void) | undefined

  constructor({ receiveMaximum }: Pick<InnerClient, 'receiveMaximum'>) {
    this.#most = receiveMaximum
  }

  isFull({ waiting }: KeptSession): boolean {
    if (this.#underWay.size < this.#most) return false
    for (const number of this.#underWay) if (!waiting.has(number)) this.#underWay.delete(number) // dropped from the session
    return this.#underWay.size >= this.#most
  }

  /** Must this message wait? If not, it is under way from now on. */
  queues(number: number, session: KeptSession): boolean {
    if (!this.isQueued && !this.isFull(session)) this.sent(number)
    else this.isQueued = true
    return this.isQueued
  }

  /** Resolves when there is room for what a session that catches up sends next. */
  async room(session: KeptSession): Promise<void> {
    while (this.isFull(session)) await new Promise<void>((resolve) => (this.#wake = resolve))
  }

  sent(number: number): void {
    this.#underWay.add(number)
  }

  acknowledged(number: number): void {
    if (this.#underWay.delete(number)) this.freed()
  }

  /** There may be room: something was acknowledged, be it what the session has dropped meanwhile. */
  freed(): void {
    this.#wake?.()
    this.next()
  }
}

const windows = new WeakMap<InnerClient, SendWindow>()

/** Of a client that has a Receive Maximum. */
export function windowOf(client: InnerClient): SendWindow | undefined {
  if (client.clean || client.version !== 5 || client.receiveMaximum >= NO_LIMIT) return undefined
  let window = windows.get(client)
  if (!window) windows.set(client, (window = new SendWindow(client)))
  return window
}
