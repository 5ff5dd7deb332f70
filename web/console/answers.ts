// The answers of the API, as far as the console shows them.

export interface Member {
  client: string
  in_flight: number
  window: number
  busy: boolean
  stuck: boolean
}

export interface Group {
  group: string
  commands: number
  oldest_s: number
  in_flight: number
  processes: number
  members: Member[]
  puts_off?: string
}

export interface Rates {
  over_s: number
  accepted: number
  ended: number
  rejected: number
  dead: number
  p50_ms?: number
  p99_ms?: number
}

export interface Overview {
  at: number
  uptime_s: number
  ready: boolean
  faults: string[]
  groups: Group[]
  dead_letters: number
  rates: Rates
  commands: { command: string; ended: number; p50_ms?: number; p99_ms?: number }[]
  connections: Record<string, number>
  refused_logins: Record<string, number>
  storage: { kind: string; what: string; used: number; limit: number; part?: number }[]
  disk?: { free: number; total: number }
  event_loop: { p50_ms: number; p99_ms: number }
}

export interface Sample {
  at: number
  accepted: number
  ended: number
  p99_ms?: number
  queues: { group: string; commands: number; oldest_s: number }[]
  loop_p99_ms: number
}

export interface Letter {
  id: string
  command: string
  user: string
  group: string
  attempts: number
  code: string
  died_at: string
  error?: { name: string; message: string }
  payload?: string
}

export interface Letters {
  count: number
  letters: Letter[]
  next?: string
}

export interface User {
  user: string
  banned_until?: number | 'for_good'
  sessions: {
    client: string
    connected: boolean
    jti?: string
    expires_at?: number
    away_since?: number
    waiting: number
    subscriptions: number
  }[]
  inbox: { events: number; last: number }
  queue: { commands: number; bytes: number }
}

export interface Line {
  what: 'accepted' | 'done' | 'refused' | 'dead'
  at: number
  id: string
  command: string
  user: string
  bytes: number
  fields?: string[]
  group?: string
  ms?: number
  code?: string
}
