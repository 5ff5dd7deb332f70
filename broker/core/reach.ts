import type { HandlerSession } from '../seam/session.ts'
import type { Answers } from '../seam/too-large.ts'

/** An event on its way to devices, once it is stored wherever it must be kept. */
export interface Outgoing extends Keeping {
  /** Under which it waits in the sessions that keep it, if any does. */
  number: number | undefined
  topic: string
  payload: Buffer
  correlation?: Buffer | undefined
  /** The one session that gets it, if it is subscribed; undefined: all that are. */
  onlyTo?: string | undefined
  /** What it answers: a client that it is too large for is told that instead. */
  answers?: Answers | undefined
}

/** How an event is kept for sessions that it does not reach at once. */
export interface Keeping {
  /** False: not at all, and it goes out at QoS 0. */
  kept?: boolean
  /** When nobody is sent it any more, by `steady`. */
  expiresAt?: number | undefined
}

/** A command on its way to one handler process. */
export interface Delivery {
  topic: string
  payload: Buffer
  qos: 0 | 1
  stamp: Record<string, string>
}

/** How the core's parts reach devices and handlers, wherever those are connected. */
export interface Reach {
  /** Tells whether anyone who is connected is subscribed to this topic. */
  isHeard(topic: string): boolean
  /** Sends an event to those who are connected and subscribed to it. */
  event(event: Outgoing): void
  deliver(session: HandlerSession, delivery: Delivery): void
}
