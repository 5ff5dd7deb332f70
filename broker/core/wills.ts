import { callAt } from '../../shared/timer.ts'
import type { Incoming, Will } from '../seam/from-front.ts'
import type { Acl, DeviceSession } from '../seam/session.ts'
import type { Storage } from '../storage/storage.ts'

interface WillRecord {
  message: Incoming
  session: Omit<DeviceSession, 'token'> & {
    token: Omit<DeviceSession['token'], 'acl'> & { acl: ListedAcl | undefined }
  }
  /** Milliseconds that it waits after its connection has ended. */
  delay: number
  /** When it is due; set once its connection has ended. */
  dueAt?: number
}
type ListedAcl = Omit<Acl, 'commands' | 'events'> & Record<'commands' | 'events', string[] | undefined>

export interface WillPorts {
  storage: Storage
  /** Delayed wills that keep their delay over a restart, at most; further ones are sent at once. */
  max: number
  /** The session of a connection, until it has gone. */
  sessionOf: (connection: number) => DeviceSession | undefined
  /** Publishes a will in its user's name, if they still may; calls `ended` afterwards. */
  publish: (session: DeviceSession, message: Incoming, ended: () => void) => void
}

export type Wills = ReturnType<typeof openWills>

/**
 * The wills of devices, on the disk from before CONNACK until they are sent or deleted. A killed broker has not noticed its
 * connections end; its next start treats them all as ended and sends their wills [MQTT-3.1.2-8].
 */
export function openWills({ storage, max, sessionOf, publish }: WillPorts) {
  const table = storage.table<WillRecord>('wills')
  /** Wills that a previous broker left. */
  const left = new Map([...table.entries()].map(({ key, value }) => [String(key), value]))
  /** By session id, the connection whose will is on the disk. */
  const current = new Map<string, number>()
  /** By connection, its session id. */
  const sessions = new Map<number, string>()
  /** By connection, a will that is not on the disk: it is being stored, or the session's next connection has taken its place. */
  const held = new Map<number, WillRecord>()
  /** By connection, the session's previous connection, whose will may still be due. */
  const before = new Map<number, number>()
  const stops = new Map<string, () => void>()

  const forget = (id: string): void => {
    left.delete(id)
    stops.get(id)?.()
    stops.delete(id)
    storage.eventually((unit) => {
      if (!current.has(id)) unit.remove(table, id)
    })
  }
  const over = (connection: number, id = sessions.get(connection)): void => {
    sessions.delete(connection)
    held.delete(connection)
    before.delete(connection)
    if (id === undefined || current.get(id) !== connection) return
    current.delete(id)
    forget(id)
  }
  const cancel = (id: string): void => {
    const holder = current.get(id)
    if (holder !== undefined) over(holder, id)
    else if (left.has(id)) forget(id)
  }
  const recordOf = (connection: number, id: string): WillRecord | undefined =>
    held.get(connection) ?? (current.get(id) === connection ? table.get(id) : undefined)

  /** A record with the session's current token. */
  const recorded = (session: DeviceSession, rest: Pick<WillRecord, 'message' | 'delay' | 'dueAt'>): WillRecord => ({
    ...rest,
    session: { ...session, token: { ...session.token, acl: listed(session.token.acl) } },
  })
  const senderOf = ({ session }: WillRecord): DeviceSession => ({
    ...session,
    token: { ...session.token, acl: aclOf(session.token.acl) },
  })

  return {
    /** Resolves when a connection's will is on the disk. */
    async keep({ connection, session, message, delay }: Will): Promise<void> {
      if (session.kind !== 'device') return
      const { id } = session
      const holder = current.get(id)
      const its = holder === undefined ? undefined : recordOf(holder, id)
      if (its) {
        held.set(holder!, its)
        before.set(connection, holder!)
      }
      left.delete(id)
      stops.get(id)?.()
      stops.delete(id)
      const record = recorded(session, { message, delay })
      current.set(id, connection)
      sessions.set(connection, id)
      held.set(connection, record)
      await storage.commit((unit) => unit.put(table, id, record))
      if (current.get(id) === connection) held.delete(connection)
    },
    /** A connection has this session now. The wills of earlier connections that are not due yet are void. */
    connected(connection: number, id: string): void {
      const earlier = before.get(connection)
      if (earlier !== undefined) over(earlier)
      before.delete(connection)
      if (current.get(id) !== connection) cancel(id)
    },
    /** A session has a new token, by which its will is judged from now on. */
    renewed(session: DeviceSession): void {
      const { id } = session
      const holder = current.get(id)
      const record = holder === undefined ? undefined : table.get(id)
      if (!record) return
      storage.eventually((unit) => {
        if (current.get(id) === holder) unit.put(table, id, recorded(session, record))
      })
    },
    /** A connection has ended, and its will waits for its delay. */
    waits(connection: number): void {
      const id = sessions.get(connection)
      if (id === undefined || current.get(id) !== connection) return
      const record = table.get(id)
      if (!record) return
      storage.eventually((unit) => {
        if (current.get(id) === connection) unit.put(table, id, { ...record, dueAt: Date.now() + record.delay })
      })
    },
    /** Sends the will of a connection now. */
    due(connection: number): void {
      const id = sessions.get(connection)
      const record = id === undefined ? undefined : recordOf(connection, id)
      if (!record) return over(connection)
      sessions.delete(connection) // a will is sent once
      publish(sessionOf(connection) ?? senderOf(record), record.message, () => over(connection, id))
    },
    /** The will of a connection is void. */
    over: (connection: number): void => over(connection),
    /** The session with this id was dropped; its will is void. */
    cancel,
    /** Sends the wills that a previous broker left, each when it is due. */
    resume(): void {
      for (const [id, record] of left) {
        const { delay, dueAt = Date.now() + delay } = record
        if (record.dueAt === undefined)
          storage.eventually((unit) => left.has(id) && unit.put(table, id, { ...record, dueAt }))
        const isOver = stops.size >= max
        const send = (): void => publish(senderOf(record), record.message, () => left.has(id) && forget(id))
        stops.set(id, callAt(isOver ? 0 : dueAt, send))
      }
    },
    stop(): void {
      for (const stop of stops.values()) stop()
    },
  }
}

function listed(acl: Acl | undefined): ListedAcl | undefined {
  return acl && { ...acl, commands: acl.commands && [...acl.commands], events: acl.events && [...acl.events] }
}
function aclOf(acl: ListedAcl | undefined): Acl | undefined {
  return acl && { ...acl, commands: acl.commands && new Set(acl.commands), events: acl.events && new Set(acl.events) }
}
