import { AWAKE, Link, type LinkEnd } from './mqtt/link.ts'
import type { Connack } from './mqtt/decode.ts'
import type { OpenSocket } from './socket/socket.ts'

/**
 * - `connecting`: logging in, then catching up;
 * - `online`;
 * - `offline`: waiting before the next try;
 * - `refused`: the platform does not let this client in. No further try is made until `retry()`.
 */
export type State = 'connecting' | 'online' | 'offline' | 'refused'

/** A token for the login; none when nobody is signed in. */
export type Token = string | null | undefined
/**
 * Called before each login, and when the session is about to end. `wasRefused`: the platform did not accept the last one, so a
 * token from a cache will not do.
 */
export type FetchToken = (why: { wasRefused: boolean }) => Token | Promise<Token>

export interface ConnectionOptions {
  url: string
  open: OpenSocket
  token: FetchToken
  clientId: string
  changed: (state: State, reason: string | undefined) => void
  /** The login has succeeded. */
  up: (link: Link, connack: Connack) => void
  message: (payload: string, isDup: boolean) => void
  /** Called after each `up`. */
  down: () => void
}

/**
 * Seconds that the broker keeps the session of a connection that was lost. It bridges a short break for what has no number: answers to
 * reads, signals, typing. All other events are fetched by number after a break of any length, so the broker need not keep a queue
 * for every phone that is in a pocket.
 */
const SESSION_EXPIRY = 120
/** Seconds after which the broker, times 1.5, gives up on a silent client. A page in the background may be allowed one timer a minute. */
const KEEP_ALIVE = 60
/** Milliseconds for the app's token. */
const TOKEN = 30_000
/** Milliseconds before the first try after a loss, at most, and between tries, at most. */
const [FIRST, LONGEST] = [500, 30_000]
/** Tries in a minute, at most: the broker refuses a client that connects more often than 15 times a minute. */
const [TRIES, MINUTE] = [12, 60_000]
/** Milliseconds to wait at least after the broker has said that it is too much. */
const BUSY = 20_000

/** CONNACK codes that another try cannot change [3.2.2.2]: wrong version, client id, password, rights, banned, method. */
const FINAL = new Set([0x81, 0x82, 0x84, 0x85, 0x86, 0x87, 0x8a, 0x8c, 0x90, 0x9d])
const NOT_AUTHORIZED = new Set([0x86, 0x87])
/** Unavailable, busy, quota exceeded, connects too often. */
const TOO_MUCH = new Set([0x88, 0x89, 0x96, 0x97, 0x9f])
const TAKEN_OVER = 0x8e

const REFUSALS = new Map([
  [0x86, 'the token is not accepted'],
  [0x87, 'the token is not accepted'],
  [0x8a, 'the user is banned'],
])

/** Keeps a connection to the platform: logs in, comes back after a loss, and says how it stands. */
export class Connection {
  readonly #options: ConnectionOptions
  #link: Link | undefined
  #isUp = false
  #timer: ReturnType<typeof setTimeout> | undefined
  /** Increases with every try, so that a token that comes too late is dropped. */
  #try = 0
  #losses = 0
  #wasRefused = false
  #tries: number[] = []
  #isClosed = false
  state: State = 'connecting'
  /** When the next try begins, in milliseconds since 1970, while offline. */
  nextTryAt: number | undefined
  reason: string | undefined

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  /** Tries now, whatever the state; does nothing while a try is under way, or online. */
  retry(): void {
    if (this.#isClosed || this.#link !== undefined) return
    this.#losses = 0
    this.#wasRefused = false
    this.#later(0)
  }

  /** The app or the network woke up: finds out at once whether the connection still stands, or makes one. */
  wake(): void {
    if (this.#link) this.#link.probe(AWAKE)
    else if (this.state === 'offline') this.retry()
  }

  /** The owner has caught up. */
  isCaughtUp(): void {
    this.#losses = 0
    this.#become('online')
  }

  /** Drops the connection and makes a new one. */
  close(): void {
    this.#isClosed = true
    this.#try++
    clearTimeout(this.#timer)
    this.nextTryAt = undefined
    this.#link?.leave()
    this.#become('offline', 'closed')
  }

  #later(delay: number): void {
    clearTimeout(this.#timer)
    const now = Date.now()
    this.#tries = this.#tries.filter((at) => at <= now && at > now - MINUTE)
    const budget = this.#tries.length < TRIES ? 0 : this.#tries[0]! + MINUTE - now
    const wait = Math.max(delay, budget)
    this.nextTryAt = now + wait
    this.#timer = setTimeout(() => void this.#connect(), wait)
  }

  async #connect(): Promise<void> {
    const attempt = ++this.#try
    this.nextTryAt = undefined
    this.#become('connecting')
    const token = await this.#token(attempt)
    if (token === undefined || attempt !== this.#try) return
    this.#tries.push(Date.now())
    const { url, open, clientId, message } = this.#options
    const login = { clientId, username: 'JWT', password: token, keepAlive: KEEP_ALIVE, sessionExpiry: SESSION_EXPIRY }
    try {
      const link = new Link(open, url, login, {
        answered: (connack) => this.#answered(link, connack),
        message,
        ended: (end) => this.#ended(link, end),
      })
      this.#link = link
    } catch (err) {
      this.#refuse((err as Error).message) // the URL, or no WebSocket here
    }
  }

  /** Undefined when there is none, which has been dealt with. */
  async #token(attempt: number): Promise<string | undefined> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('it took too long')), TOKEN)
    })
    try {
      const token = await Promise.race([this.#options.token({ wasRefused: this.#wasRefused }), late])
      if (attempt !== this.#try) return undefined
      if (token) return token
      this.#refuse('there is no token')
    } catch (err) {
      if (attempt === this.#try) this.#lost(`cannot get a token: ${(err as Error).message}`)
    } finally {
      clearTimeout(timer)
    }
    return undefined
  }

  #answered(link: Link, connack: Connack): void {
    if (connack.reason < 0x80) {
      this.#wasRefused = false
      this.#isUp = true
      return this.#options.up(link, connack)
    }
    this.#link = undefined
    link.drop() // the broker would leave it open for a while
    const { reason } = connack
    const text = REFUSALS.get(reason) ?? `the broker refused the login (0x${reason.toString(16)})`
    // An expired token may have come from a cache of the app: once more, with a fresh one.
    if (NOT_AUTHORIZED.has(reason) && !this.#wasRefused) {
      this.#wasRefused = true
      this.#lost(text)
    } else if (FINAL.has(reason)) this.#refuse(text)
    else this.#lost(text, TOO_MUCH.has(reason) ? BUSY : 0)
  }

  #ended(link: Link, { text, reason }: LinkEnd): void {
    if (this.#link !== link) return
    this.#link = undefined
    if (this.#isUp) {
      this.#isUp = false
      this.#options.down()
      if (this.#isClosed) return
      if (reason === TAKEN_OVER) return this.#refuse('another client took over the session')
      return this.#lost(text, reason !== undefined && TOO_MUCH.has(reason) ? BUSY : 0)
    }
    if (!this.#isClosed) this.#lost(text)
  }

  #lost(reason: string, atLeast = 0): void {
    const most = Math.min(FIRST * 2 ** this.#losses++, LONGEST)
    this.#later(atLeast + most * Math.random())
    this.#become('offline', reason)
  }

  #refuse(reason: string): void {
    clearTimeout(this.#timer)
    this.nextTryAt = undefined
    this.#become('refused', reason)
  }

  #become(state: State, reason?: string): void {
    if (this.state === state && this.reason === reason) return
    this.state = state
    this.reason = reason
    this.#options.changed(state, reason)
  }
}
