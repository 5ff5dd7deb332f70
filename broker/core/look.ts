import type { UserId } from '../../shared/wire/user-id.ts'
import type { Dispatch } from './dispatch/dispatch.ts'
import type { Inbox } from './inbox/inbox.ts'
import type { CommandQueue } from './queue/queue.ts'
import type { Revocations } from './revocations.ts'
import type { ConnectedDevices } from './sessions/connected-devices.ts'
import type { SessionStore } from './sessions/session-store.ts'

/** A session of a user as an operator sees it. */
export interface SessionLook {
  client: string
  connected: boolean
  /** The id of its last token. */
  jti?: string | undefined
  /** When its token expires, in milliseconds since 1970; of connected sessions. */
  expires_at?: number
  /** When its connection ended, in milliseconds since 1970. */
  away_since?: number
  /** Messages that wait for its acknowledgement, and their bytes. */
  waiting: number
  waiting_bytes: number
  subscriptions: number
}

export interface UserLook {
  user: UserId
  /** Milliseconds since 1970, or `for_good`. */
  banned_until?: number | 'for_good'
  sessions: SessionLook[]
  /** Events in the inbox, and the number of the last one. */
  inbox: { events: number; last: number }
  /** The user's commands that were accepted and have not ended, and their bytes. */
  queue: { commands: number; bytes: number }
}

export interface LookPorts {
  devices: ConnectedDevices
  sessions: Pick<SessionStore, 'ofUser'>
  inbox: Pick<Inbox, 'lastOf' | 'countOf'>
  queue: Pick<CommandQueue, 'heldBy'>
  revocations: Revocations
  dispatch: () => Dispatch
}

export type Look = ReturnType<typeof openLook>

/** What an operator may see of the core. Nothing is counted for it: each answer is read from what the core works with. */
export function openLook({ devices, sessions, inbox, queue, revocations, dispatch }: LookPorts) {
  function sessionsOf(user: UserId): SessionLook[] {
    const live = new Map(devices.sessionsOf(user).map((session) => [session.client, session.token]))
    const stored = sessions.ofUser(user)
    const storedClients = new Set(stored.map(({ client }) => client))
    const bare = [...live.keys()].filter((client) => !storedClients.has(client))
    return [...stored, ...bare.map((client) => ({ client, ...NOTHING }))].map(({ client, jti, since, ...counts }) => {
      const token = live.get(client)
      return {
        client,
        connected: token !== undefined,
        jti: token ? token.jti : jti,
        ...(token && { expires_at: token.expiresAt }),
        ...(!token && since !== undefined && { away_since: since }),
        ...counts,
      }
    })
  }

  return {
    groups: () => dispatch().look(),
    user(user: UserId): UserLook {
      const until = revocations.bannedUntil(user)
      return {
        user,
        ...(until !== undefined && { banned_until: until === Infinity ? ('for_good' as const) : until }),
        sessions: sessionsOf(user),
        inbox: { events: inbox.countOf(user), last: inbox.lastOf(user) },
        queue: queue.heldBy(user),
      }
    },
  }
}

/** A connected session that keeps nothing. */
const NOTHING = { jti: undefined, since: undefined, waiting: 0, waiting_bytes: 0, subscriptions: 0 }
