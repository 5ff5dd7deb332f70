import type { PublishPacket } from 'aedes'
import type { Acl, DeviceSession } from '../../seam/session.ts'
import type { Storage } from '../../storage/storage.ts'
import { callAt } from '../../../shared/timer.ts'
import type { Incoming } from '../../seam/port.ts'

interface WillRecord {
  message: Incoming
  session: Omit<DeviceSession, 'token'> & {
    token: Omit<DeviceSession['token'], 'acl'> & { acl: ListedAcl | undefined }
  }
  /** Milliseconds that it waits after its connection has ended. */
  delay: number
  /** When it is due, of one whose connection has ended. */
  dueAt?: number
}
type ListedAcl = Omit<Acl, 'commands' | 'events'> & Record<'commands' | 'events', string[] | undefined>

export interface WillPorts {
  storage: Storage
  /** Wills that may wait for their delay; beyond, they are sent at once. */
  most: number
  /** Publishes it in its user's name, if they may. */
  publish: (session: DeviceSession, message: Incoming) => Promise<void>
  fault: (session: DeviceSession, err: Error) => void
}

export type Wills = ReturnType<typeof openWills>

/**
 * The wills of devices, on the disk from before CONNACK until they are sent or taken back. A broker that was killed has noticed
 * the end of no connection: at its next start all those have ended, and their wills are sent [MQTT-3.1.2-8].
 */
export function openWills({ storage, most, publish, fault }: WillPorts) {
  const table = storage.table<WillRecord>('wills')
  const left = new Map([...table.entries()].map(({ key, value }) => [String(key), value]))
  /** The will that a session has now: another connection's of the same session is no more its own. */
  const current = new Map<string, object>()
  const stops = new Map<string, () => void>()

  const forget = (id: string): void => {
    left.delete(id)
    stops.get(id)?.()
    stops.delete(id)
    storage.eventually((unit) => {
      if (!current.has(id)) unit.remove(table, id)
    })
  }

  /** As it is stored, with the token that the session has now. */
  const recordOf = (session: DeviceSession, rest: Pick<WillRecord, 'message' | 'delay' | 'dueAt'>): WillRecord => ({
    ...rest,
    session: { ...session, token: { ...session.token, acl: listed(session.token.acl) } },
  })

  async function send(id: string, { session, message }: WillRecord): Promise<void> {
    const sender = { ...session, token: { ...session.token, acl: aclOf(session.token.acl) } }
    try {
      await publish(sender, message)
    } catch (err) {
      if ((err as Error).name !== 'Refusal') fault(sender, err as Error)
    }
    if (left.has(id)) forget(id)
  }

  return {
    /** Resolves when a connection's will is on the disk; `will` is what Aedes will publish. */
    async keep(session: DeviceSession, will: object, message: Incoming, delay: number): Promise<void> {
      current.set(session.id, will)
      await storage.commit((unit) => unit.put(table, session.id, recordOf(session, { message, delay })))
    },
    /** Its session goes on with another token, by which it will be judged. */
    renewed(session: DeviceSession): void {
      const { id } = session
      const will = current.get(id)
      const record = will && table.get(id)
      if (!record) return
      storage.eventually((unit) => {
        if (current.get(id) === will) unit.put(table, id, recordOf(session, record))
      })
    },
    /** Its connection has ended, and it waits for its delay. */
    waits(session: DeviceSession, will: object): void {
      const { id } = session
      const record = current.get(id) === will ? table.get(id) : undefined
      if (!record) return
      const waiting = recordOf(session, { ...record, dueAt: Date.now() + record.delay })
      storage.eventually((unit) => {
        if (current.get(id) === will) unit.put(table, id, waiting)
      })
    },
    /** It is sent, or taken back by a DISCONNECT. */
    done(id: string, will: object): void {
      if (current.get(id) !== will) return
      current.delete(id)
      forget(id)
    },
    /** Another connection has this session now, or nobody is to have it any more. */
    cancel(id: string): void {
      if (current.delete(id) || left.has(id)) forget(id)
    },
    /** Sends what a broker that has ended left, each when it is due. */
    resume(): void {
      for (const [id, record] of left) {
        const { delay, dueAt = Date.now() + delay } = record
        if (record.dueAt === undefined)
          storage.eventually((unit) => left.has(id) && unit.put(table, id, { ...record, dueAt }))
        const isOver = stops.size >= most
        stops.set(
          id,
          callAt(isOver ? 0 : dueAt, () => void send(id, record)),
        )
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

/** Milliseconds for which a will waits: no longer than its session lasts [MQTT-3.1.3.2.2]. */
export function delayOf(will: { properties?: PublishPacket['properties'] }, sessionExpiry: number): number {
  const { willDelayInterval = 0 } = (will.properties ?? {}) as { willDelayInterval?: number }
  return Math.min(willDelayInterval, sessionExpiry) * 1000
}
