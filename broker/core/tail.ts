import { readJsonObject } from '../../shared/wire/json.ts'
import type { Command } from '../seam/session.ts'
import type { Ended } from './queue/replays.ts'

/** A command was accepted, or has ended in a group. Holds the names of a payload's fields, never their values. */
export interface TailLine {
  what: 'accepted' | 'done' | 'refused' | 'dead'
  /** Milliseconds since 1970. */
  at: number
  id: string
  command: string
  user: string
  client: string
  /** W3C Trace Context, by which its trace is found. */
  traceparent: string
  /** Bytes of the payload. */
  bytes: number
  /** When it was accepted: names of the payload's first fields. */
  fields?: string[]
  /** When it has ended: in which group, how long after its acceptance in milliseconds, and why it was refused or died. */
  group?: string
  ms?: number
  code?: string
}

export type Watcher = (line: TailLine) => void

/** Fields that a line names, and the characters of a name, at most. */
const MAX_FIELDS = 20
const MAX_NAME = 64
/** Bytes of a payload that is read for the names of its fields, at most. */
const MAX_READ = 16_384

export type Tail = ReturnType<typeof openTail>

/** Shows operators commands and their ends as they happen. While nobody watches, a command costs one comparison. */
export function openTail() {
  const watchers = new Set<Watcher>()

  function tell(line: TailLine): void {
    for (const watcher of watchers) watcher(line)
  }

  return {
    /** @returns stops it */
    watch(watcher: Watcher): () => void {
      watchers.add(watcher)
      return () => void watchers.delete(watcher)
    },
    accepted(command: Command): void {
      if (watchers.size === 0) return
      tell({ what: 'accepted', ...shown(command), at: command.at, fields: fieldsOf(command.payload) })
    },
    ended(command: Command, group: string, how: () => Ended): void {
      if (watchers.size === 0) return
      const { outcome, code } = how()
      const now = Date.now()
      const end = { at: now, group, ms: now - command.at, ...(code !== undefined && { code }) }
      tell({ what: outcome, ...shown(command), ...end })
    },
  }
}

function shown({ id, name, user, client, traceparent, payload }: Command) {
  return { id, command: name, user, client, traceparent, bytes: payload.length }
}

function fieldsOf(payload: Buffer): string[] {
  if (payload.length > MAX_READ) return []
  return Object.keys(readJsonObject(payload) ?? {})
    .slice(0, MAX_FIELDS)
    .map((name) => name.slice(0, MAX_NAME))
}
