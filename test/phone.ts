// The interface to a page that can hold a call: the global `phone` of test/page/call-page.ts.

export interface Login {
  url: string
  user: string
  token: string
  /** The ICE transport policy of its calls. */
  policy: 'all' | 'relay'
}

/** An answer of the platform. */
export interface Answer {
  event: string
  re?: string
  code?: string
  [field: string]: unknown
}

/** What one track has received, by `getStats`. */
export interface Flow {
  bytes: number
  /** Decoded frames; 0 for sound. */
  frames: number
}

/** The state of a page at one moment. */
export interface Sight {
  isOnline: boolean
  /** Session Present of each CONNACK so far. */
  resumed: boolean[]
  /** The call that it is in. */
  callId: string | undefined
  connection: 'none' | 'new' | 'connecting' | 'connected' | 'disconnected' | 'failed' | 'closed'
  videos: Flow[]
  audios: Flow[]
  /** The kinds of the candidates in use: `host`, `srflx`, `prflx` or `relay`. */
  way: { local: string; remote: string } | undefined
  /** Identifies the other side's ICE session; an ICE restart changes it. */
  fragment: string | undefined
  /** Offers that arrived while its own offer was open. */
  collisions: number
  /** Refused signals, and errors. */
  faults: string[]
}

export interface Phone {
  /** Resolves once it has subscribed to its events. From then on it accepts every call. */
  logsIn(login: Login): Promise<void>
  asks(command: string, fields?: object): Promise<Answer>
  /** Ignores signals until its next offer is out. */
  holds(): void
  /** Starts a call; the offer follows automatically. */
  calls(other: string, callId: string): Promise<void>
  /** Restarts ICE, which renegotiates. */
  restartsIce(): void
  /** Adds a second video track, which renegotiates too. */
  addsPicture(): void
  sight(): Promise<Sight>
  /**
   * Resolves with what it sees once the condition holds.
   * @param before what it saw earlier, for comparison; by default what it sees now
   * @param deadline milliseconds after which it rejects
   */
  sees(is: (now: Sight, before: Sight) => boolean, before: Sight | undefined, deadline: number): Promise<Sight>
}
