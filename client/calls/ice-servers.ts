import { codeOf, type Board } from './board.ts'

/** Milliseconds that a call waits for credentials before it begins without a relay. */
const PATIENCE = 5_000
/** New credentials are asked for this many milliseconds before the old ones end, or after half of their life. */
const EARLY = 300_000
/** Milliseconds before the platform is asked again that gave no credentials, and that has no relays. */
const [AGAIN, NONE_AGAIN] = [30_000, 600_000]

export interface IceSettings {
  /** STUN and TURN servers in place of the platform's. */
  iceServers?: RTCIceServer[]
  /** `relay`: never shows the other side an address of this device. */
  iceTransportPolicy?: RTCIceTransportPolicy
}

/** The servers for connections, with credentials from the platform, renewed before they end as long as somebody is in a call. */
export class IceServers {
  readonly #board: Pick<Board, 'call'>
  readonly #settings: IceSettings
  readonly #listeners = new Set<(servers: RTCIceServer[]) => void>()
  #servers: RTCIceServer[] = []
  /** When to ask again, in milliseconds since 1970. */
  #due = 0
  #asking: Promise<void> | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(board: Pick<Board, 'call'>, settings: IceSettings = {}) {
    this.#board = board
    this.#settings = settings
  }

  /** Resolves when the servers are known. If that takes too long, open connections get them when they come. */
  async ready(): Promise<void> {
    if (this.#settings.iceServers || Date.now() < this.#due) return
    let timer: ReturnType<typeof setTimeout> | undefined
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, PATIENCE)))
    await Promise.race([this.#ask(), late])
    clearTimeout(timer)
  }

  config(): RTCConfiguration {
    const { iceServers = this.#servers, iceTransportPolicy = 'all' } = this.#settings
    return { iceServers, iceTransportPolicy, bundlePolicy: 'max-bundle' }
  }

  /** Calls back with new servers. @returns a function that ends it */
  onRenewed(renewed: (servers: RTCIceServer[]) => void): () => void {
    this.#listeners.add(renewed)
    this.#plan()
    return () => {
      this.#listeners.delete(renewed)
      this.#plan()
    }
  }

  #ask(): Promise<void> {
    this.#asking ??= this.#fetch().finally(() => {
      this.#asking = undefined
      this.#plan()
    })
    return this.#asking
  }

  async #fetch(): Promise<void> {
    try {
      const { ttl, ice_servers: servers } = await this.#board.call('get_turn_credentials', {})
      this.#servers = servers
      this.#due = Date.now() + Math.max(ttl * 500, ttl * 1_000 - EARLY)
      for (const renewed of this.#listeners) renewed(servers)
    } catch (err) {
      this.#due = Date.now() + (codeOf(err) === 'unavailable' ? NONE_AGAIN : AGAIN)
    }
  }

  #plan(): void {
    clearTimeout(this.#timer)
    if (this.#listeners.size === 0 || this.#settings.iceServers || this.#asking) return
    this.#timer = setTimeout(() => void this.#ask(), Math.max(0, this.#due - Date.now()))
  }
}
