import { setTimeout as pause } from 'node:timers/promises'
import type { Closable } from '../shared/shutdown.ts'
import { again, type Message } from './mongo-wire.ts'
import { SetMember, type Treatment, type View } from './set-member.ts'

/**
 * A stand-in for a MongoDB replica set where no `mongod` is available: members, each on its own port, in front of ONE real
 * server. Drivers treat it as a set, because it behaves like one (the drivers' specifications "Server Discovery And
 * Monitoring", "Server Monitoring" and "Retryable Writes"; manual, "Replica Set Elections" and "replSetStepDown").
 *
 * Like a set: members report their state when asked, and push it when it changes; one is primary, under an election id that grows
 * with each election, and the others refuse what only a primary may do. Writes in flight during a fail-over end as in a real set:
 * interrupted before they ran, run but not confirmed by a majority, run without an answer, or lost.
 * A retried write gets its first answer again, from whichever member. Optionally, a new primary does not know at first what a
 * majority has confirmed (SERVER-53813).
 *
 * Unlike a set: all members share the same data, as if every write had reached a majority. So only writes that never reached the
 * server are rolled back, no member lags behind, and nobody votes: the test says how long an election takes. Cursors end with
 * their connection, and nobody has to log in.
 */
export interface ReplicaSet extends Closable {
  readonly url: string
  /** Number of retried writes that got their remembered answer. */
  readonly remembered: number
  /**
   * Lets the primary fail; `electionMs` later another is elected, and the old one returns as a secondary.
   * Resolves with the number of writes in flight. Waits up to three seconds for the first of them.
   */
  failOver(how: Failure, electionMs: number): Promise<number>
}

/**
 * - `stepDown`: it steps down on request; writes are interrupted, connections stay open.
 * - `shutDown`: it shuts down cleanly; writes are interrupted, then its connections close.
 * - `dieBefore`: it is killed, and writes in flight are lost.
 * - `dieAfter`: it is killed after it has run the writes in flight, which get no answer.
 * - `vanish`: packets to and from it are dropped; writes in flight are lost or done. It comes back when there is another primary, and
 *   believes at first that it still is one.
 */
export type Failure = 'stepDown' | 'shutDown' | 'dieBefore' | 'dieAfter' | 'vanish'

export interface SetOptions {
  members?: number
  /** Whether retried writes are recognised, as MongoDB does. */
  remembers?: boolean
  /** Milliseconds after the election until a vanished member is reachable again. */
  vanishedMs?: number
  /** Milliseconds after the election during which the new primary does not know what a majority has confirmed. */
  lagMs?: number
}

/** Milliseconds after the first write in flight, in which more may join it. */
const MIDDLE = 50
/** Milliseconds for which a returning member still believes that it is the primary. */
const STALE = 300

const [INTERRUPTED, SHUTTING_DOWN] = [11_602, 11_600]

/** @param port returns the port of the real server; called for each connection */
export async function openReplicaSet(
  port: () => number,
  { members: count = 3, remembers = true, vanishedMs = 9_000, lagMs = 0 }: SetOptions = {},
): Promise<ReplicaSet> {
  const memory = new Memory()
  const hosts: string[] = []
  const view: View = { hosts, primary: undefined, term: 0 }
  const open = Array.from({ length: count }, () => new SetMember(view, port, remembers ? memory.once : alone))
  for (const member of open) hosts.push(`127.0.0.1:${await member.listen()}`)

  function elect(member: SetMember): void {
    view.term++
    view.primary = member.host
    member.lead(view.term, lagMs)
    for (const other of open) if (other !== member) other.tell()
  }
  elect(open[0]!)

  /** Applies `treat` to the primary's writes until the first has come and `MIDDLE` is over; reads go on. Resolves with their number. */
  async function meet(primary: SetMember, treat: Treatment): Promise<number> {
    let met = 0
    let first = (): void => {}
    const isMet = new Promise<void>((resolve) => (first = resolve))
    primary.treat = (message, hand) => {
      if (message.body['txnNumber'] === undefined) return hand()
      met++
      first()
      return treat(message, hand)
    }
    await Promise.race([isMet, pause(3_000)])
    await pause(MIDDLE)
    return met
  }

  /** Alternately drops writes in flight, and runs them without confirming; answers them once the primary has stepped down. */
  async function interrupt(primary: SetMember, code: number): Promise<number> {
    let stop = (): void => {}
    const isOver = new Promise<void>((resolve) => (stop = resolve))
    let isDone = false
    const met = await meet(primary, async (message, hand) => {
      isDone = !isDone
      const done = isDone ? await hand() : undefined
      await isOver
      return done ? primary.unconfirmed(done, message, code) : primary.refusal(message, code)
    })
    primary.follow()
    stop()
    await pause(MIDDLE)
    return met
  }

  async function kill(primary: SetMember, electionMs: number, treat: Treatment): Promise<number> {
    const met = await meet(primary, treat)
    await primary.die()
    await election(primary, electionMs)
    await primary.listen()
    return met
  }

  const failures: Record<Failure, (primary: SetMember, electionMs: number) => Promise<number>> = {
    async stepDown(primary, electionMs) {
      const met = await interrupt(primary, INTERRUPTED)
      await election(primary, electionMs)
      return met
    },
    async shutDown(primary, electionMs) {
      const met = await interrupt(primary, SHUTTING_DOWN)
      await primary.die()
      await election(primary, electionMs)
      await primary.listen()
      return met
    },
    dieBefore: (primary, electionMs) => kill(primary, electionMs, lost),
    dieAfter: (primary, electionMs) => kill(primary, electionMs, unanswered),
    async vanish(primary, electionMs) {
      let isDone = false
      const met = await meet(primary, (message, hand) => {
        isDone = !isDone
        return isDone ? unanswered(message, hand) : lost(message, hand)
      })
      primary.vanish(true)
      await election(primary, electionMs)
      await pause(vanishedMs)
      primary.vanish(false)
      await pause(STALE)
      primary.follow()
      return met
    },
  }

  async function election(failed: SetMember, ms: number): Promise<void> {
    view.primary = undefined
    for (const member of open) member.tell()
    await pause(ms)
    elect(open[(open.indexOf(failed) + 1) % open.length]!)
  }

  return {
    url: `mongodb://${hosts.join()}/?replicaSet=${SetMember.SET}`,
    get remembered() {
      return memory.used
    },
    failOver: (how, electionMs) =>
      failures[how](
        open.find(({ host }) => host === view.primary)!,
        electionMs,
      ),
    async close() {
      for (const member of open) await member.die()
    },
  }
}

const lost: Treatment = async () => undefined
const unanswered: Treatment = async (_, hand) => void (await hand())
const alone = (_: Message, hand: () => Promise<Message>): Promise<Message> => hand()

/** The last write of each session, and its answer (manual, "Retryable Writes": at most once, whoever is primary). */
class Memory {
  used = 0
  readonly #last = new Map<string, { number: number; answer: Promise<Message> }>()

  readonly once = async (message: Message, hand: () => Promise<Message>): Promise<Message> => {
    const { lsid, txnNumber } = message.body as { lsid?: { id: { toString(how: 'hex'): string } }; txnNumber?: number }
    if (lsid === undefined || txnNumber === undefined) return hand()
    const session = lsid.id.toString('hex')
    const last = this.#last.get(session)
    if (last?.number === txnNumber) {
      this.used++
      return again(await last.answer, message)
    }
    const one = { number: txnNumber, answer: hand() }
    this.#last.set(session, one)
    const answer = await one.answer
    // A write that failed has changed nothing, so it is tried again.
    const isDone = answer.body['ok'] === 1 && answer.body['writeErrors'] === undefined
    if (!isDone && this.#last.get(session) === one) this.#last.delete(session)
    return answer
  }
}
