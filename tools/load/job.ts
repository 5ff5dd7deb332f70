import type { Login } from './codec.ts'

// What the process that drives the load and the one that generates it say to each other, over IPC.

export interface Client extends Login {
  subscribes: string[]
  qos: 0 | 1
}

/** Messages of one sender, each of which some clients hear, as itself or as what came of it. */
export interface Flow {
  /** Clients by their index. */
  from: number
  to: number[]
  topic: string
  /** The payload. Between the two stands a mark, which must come back in what is heard. */
  before: string
  after: string
}

/** How many messages of a flow are under way at a time; or how many are sent in a second, by all flows in turn, whatever comes back. */
export type Pace = { window: number } | { perSecond: number }

export interface Job {
  url: string
  ca: string
  /** Processes whose CPU counts. */
  broker: number
  handlers: number[]
  clients: Client[]
  work: { flows: Flow[]; qos: 0 | 1; pace: Pace } | { logins: { atOnce: number } }
}

/** What was done between `go` and `stop`. */
export interface Lap {
  seconds: number
  /** Messages that have been heard by all who should; or logins. */
  done: number
  /** Messages heard, counted for each who hears them. */
  heard: number
  /** Milliseconds from sending to each hearing. */
  latencies: { p50: number; p95: number; p99: number }
  /** Sent, and not heard by all, a while after the end. */
  lost: number
  /** Heard, though nobody had sent them or they had been heard before. */
  unexpected: number
  /** Refused by a PUBACK. */
  refused: number
  /** Seconds of CPU. */
  cpu: { broker: number; handlers: number; generator: number }
}

export type Request = { open: Job } | 'go' | 'stop'
export type Response = { opened: true } | { progress: number } | { lap: Lap }
