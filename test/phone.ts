// What a page that can hold a call is told, and what it tells: the global `phone` of test/page/call-page.ts.

export interface Login {
  url: string
  user: string
  token: string
  /** By which ways its calls may go. */
  policy: 'all' | 'relay'
}

/** An answer of the platform's. */
export interface Answer {
  event: string
  re?: string
  code?: string
  [field: string]: unknown
}

/** What has come over one track, by `getStats`. */
export interface Flow {
  bytes: number
  /** Decoded; 0 for sound. */
  frames: number
}

/** All that a page knows at one moment. */
export interface Sight {
  isOnline: boolean
  /** Of each CONNACK so far: was the session there? */
  resumed: boolean[]
  /** The call that it is in. */
  callId: string | undefined
  connection: 'none' | 'new' | 'connecting' | 'connected' | 'disconnected' | 'failed' | 'closed'
  videos: Flow[]
  audios: Flow[]
  /** What kinds of candidates the media goes between: `host`, `srflx`, `prflx` or `relay`. */
  way: { local: string; remote: string } | undefined
  /** Names the other side's ICE session; a restart makes another. */
  fragment: string | undefined
  /** Offers that came while an own one was open. */
  collisions: number
  /** Signals that were refused, and errors. */
  faults: string[]
}

export interface Phone {
  /** Resolves when it is subscribed to its events. From then on it takes every call. */
  logsIn(login: Login): Promise<void>
  asks(command: string, fields?: object): Promise<Answer>
  /** Looks at no signal until its own next offer is out. */
  holds(): void
  /** Begins a call; the offer follows by itself. */
  calls(other: string, callId: string): Promise<void>
  /** Finds its ways anew: a negotiation. */
  restartsIce(): void
  /** Sends a second picture: a negotiation, too. */
  addsPicture(): void
  sight(): Promise<Sight>
  /**
   * Resolves with what it sees as soon as that is as it should be.
   * @param before what it saw earlier, to compare with; now, if none is given
   * @param deadline milliseconds, after which it rejects
   */
  sees(is: (now: Sight, before: Sight) => boolean, before: Sight | undefined, deadline: number): Promise<Sight>
}
