import type { WantsRetained } from '../../seam/from-front.ts'
import type { Connection, Connections } from '../connections.ts'
import type { SessionStore } from '../sessions/session-store.ts'
import type { RetainedMessages } from './retained.ts'

export interface WelcomePorts {
  retained: RetainedMessages
  /** Bytes of retained messages that one subscriber is sent at a time. */
  pageBytes: number
  connections: Pick<Connections, 'get'>
  sessions: Pick<SessionStore, 'get'>
  /** Asks the front to report when a connection has sent everything out. */
  wantsRoom: (connection: number) => void
  /** Hands retained messages over. */
  hand: (topics: readonly string[], session: string, sub: WantsRetained) => Promise<void>
}

/**
 * Sends retained messages to new subscribers [MQTT-3.8.4-4], page by page: a page is read from the disk when the previous one has left
 * for the socket and, at QoS 1 and 2, has been acknowledged.
 */
export class Welcome {
  readonly #ports: WelcomePorts
  /** By connection, the last welcome, after which the next begins. */
  readonly #before = new Map<number, Promise<void>>()
  /** By connection, resolves its wait. */
  readonly #waiting = new Map<number, () => void>()

  constructor(ports: WelcomePorts) {
    this.#ports = ports
  }

  send(connection: Connection, sub: WantsRetained): Promise<void> {
    const { number } = connection
    const sent = (this.#before.get(number) ?? Promise.resolve()).then(() => this.#send(connection, sub))
    const ended = sent
      .catch(() => {})
      .then(() => {
        if (this.#before.get(number) === ended) this.#before.delete(number)
      })
    this.#before.set(number, ended)
    return sent
  }

  /** A connection has sent everything out, or has gone. */
  hasRoom(connection: number): void {
    this.#waiting.get(connection)?.()
  }

  async #send(connection: Connection, sub: WantsRetained): Promise<void> {
    const { retained, pageBytes, hand } = this.#ports
    let [page, bytes] = [[] as string[], 0]
    for (const topic of [...retained.topicsOf(sub.filter), undefined]) {
      if (topic !== undefined) {
        page.push(topic)
        bytes += retained.sizeOf(topic)
      }
      if (page.length === 0 || (topic !== undefined && bytes < pageBytes)) continue
      if (!(await this.#room(connection))) return
      await hand(page, connection.session.id, sub)
      ;[page, bytes] = [[], 0]
    }
  }

  /** Waits for room. Returns false when the connection has gone and its session has no room for more. */
  async #room({ number, session: { id } }: Connection): Promise<boolean> {
    const { connections, sessions, wantsRoom } = this.#ports
    const state = (): ReturnType<SessionStore['get']> => sessions.get(id)
    const isFull = (): boolean => (state()?.bytes ?? 0) >= 2 * this.#ports.pageBytes
    while (connections.get(number)) {
      await this.#wait(number, () => wantsRoom(number))
      const full = isFull() ? state() : undefined
      if (!full) break
      await this.#wait(number, (go) => (full.relieved = go))
      full.relieved = undefined
    }
    return connections.get(number) !== undefined || ((state()?.expiry ?? 0) > 0 && !isFull())
  }

  /** Resolves when `go` is called, or the connection has gone. */
  async #wait(connection: number, ask: (go: () => void) => void): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#waiting.set(connection, resolve)
      ask(resolve)
    })
    this.#waiting.delete(connection)
  }
}
