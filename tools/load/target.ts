import type { Login } from './codec.ts'
import type { Profiler } from './profile.ts'

/** What stands behind the broker: a process each. */
export type Back = 'echo' | 'chat' | 'signal'

/** A broker that is loaded, with what stands behind it. */
export interface Target {
  name: string
  url: string
  /** PEM. */
  ca: string
  /** Process ids. */
  broker: number
  handlers: number[]
  /** The broker's Node, or its own version. */
  version: string
  /** What was set, other than by default. */
  settings: Record<string, string>
  login(user: string, device?: string): Login
  /** Where a user's device sends a command, and where it hears an event. */
  commandTopic(user: string, command: string): string
  eventTopic(user: string, event: string): string
  profiler?: Profiler
  close(): Promise<void>
}

export interface TargetOptions {
  backs: readonly Back[]
  /** Processes of each of them. */
  handlers: number
  /** The Node binary of Switchboard's processes. */
  node?: string | undefined
  /** Where the data are: on a disk, or in memory. */
  folder?: string
  name?: string
  /** Commands that wait for a group without a process when the broker starts. */
  waiting?: number
  /** Whether the broker is to be profiled. */
  profiled?: boolean
}

/** Users that both brokers know: `u0`, `u1` … */
export const USERS = 12_000
export const userName = (i: number): string => `u${i}`
/** Open topics of the load begin so. */
export const OPEN = 'load'
