import { groupBy } from '../../../shared/group-by.ts'
import type { UserId } from '../../../shared/wire/user-id.ts'
import { sessionOwner } from '../../seam/session.ts'
import type { Unit } from '../../storage/storage.ts'
import type { Queue, Target } from '../kept/holders.ts'
import type { KeptEvents } from '../kept/kept-events.ts'
import { QOS_2, RETAINED, SHARED } from '../kept/kept-record.ts'
import type { MessageTarget, OpenContent } from '../open-topics/receivers.ts'

/** Returns a function that keeps a message of an open topic in sessions. */
export function keepingMessages(kept: KeptEvents, queueOf: (session: string) => Queue) {
  function targetOf({ session, qos, retain, ids, shared }: MessageTarget): Target {
    const form = (qos === 2 ? QOS_2 : 0) | (retain ? RETAINED : 0) | (shared === undefined ? 0 : SHARED)
    return { queue: queueOf(session), form, ids, shared }
  }

  /**
   * Keeps a message of an open topic in these sessions once the unit is stored. It is stored once, and again only for a session
   * that gets it several times.
   * @param reached called with the place of each of these once the session holds it
   * @returns its number in each session
   */
  return (
    unit: Unit,
    message: OpenContent,
    to: readonly MessageTarget[],
    reached: (place: number) => void = () => {},
  ): number[] => {
    const { topic, payload, properties, messageExpiry: expiresAt } = message
    const record = { kind: 'message' as const, at: 0, places: [], topic, payload, properties, expiresAt }
    const numbers: number[] = []
    const rounds: number[][] = []
    const times = new Map<string, number>()
    for (const [i, { session }] of to.entries()) {
      const before = times.get(session) ?? 0
      times.set(session, before + 1)
      ;(rounds[before] ??= []).push(i)
    }
    for (const round of rounds) {
      const targets = round.map((i) => targetOf(to[i]!))
      const byOwner = groupBy(round, (i) => sessionOwner(to[i]!.session).user)
      const key = kept.keep(unit, { ...record }, targets, (owner) => byOwner.get(owner as UserId)!.forEach(reached))
      for (const i of round) numbers[i] = key
    }
    return numbers
  }
}
