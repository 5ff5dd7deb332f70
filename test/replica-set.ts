import { setTimeout as pause } from 'node:timers/promises'
import type { Closable } from '../shared/shutdown.ts'
import { again, type Message } from './mongo-wire.ts'
import { SetMember, type Treatment, type View } from './set-member.ts'

/**
 * A stand-in for a MongoDB replica set, for where no `mongod` can be had: members, each at a port of its own, in front of ONE real
 * server. Drivers take it for a set, because it behaves to them as one does (the drivers' specifications "Server Discovery And
 * Monitoring", "Server Monitoring" and "Retryable Writes"; manual, "Replica Set Elections" and "replSetStepDown").
 *
 * Like a set: members tell their state when asked, and unasked as soon as it changes; one is primary, under an election id that grows
 * with each election, and the others refuse what is the primary's. What a fail-over meets in the middle ends as it does there:
 * interrupted before it was done, done with an answer that no majority has confirmed it, done without an answer, or neither.
 * A write that comes again under its session's number is answered as it was the first time, by whichever member. If it is told to, a
 * new primary does not know at first what a majority has confirmed (SERVER-53813).
 *
 * Unlike a set: all members have the same data at once, as if all that is written were with a majority. So nothing is ever rolled
 * back but what never came to the server, no member lags behind, and nobody votes: when one fails, the test says how long
 * it takes until the next one is primary. No cursor outlives its connection, and nobody has to log in.
 */
export interface ReplicaSet extends Closable {
  readonly url: string
  /** Writes that came again and were answered out of memory. */
  readonly remembered: number
  /**
   * The primary fails in this way, another is elected after so many milliseconds, and then the old one is back as a secondary.
   * Resolves with the number of writes that were in the middle. It waits for the first of them, if there is one within a second.
   */
  failOver(how: Failure, electionMs: number): Promise<number>
}

/**
 * - `stepDown`: it is told to; writes are interrupted, connections stay.
 * - `shutDown`: it is ended in good order; writes are interrupted, and then its connections end.
 * - `dieBefore`: it is killed, and what was in the middle is lost.
 * - `dieAfter`: it is killed, and what was in the middle is done: nobody hears of it.
 * - `vanish`: nothing comes through to it or back, and nobody is told; what was in the middle is lost or done. It is heard again when
 *   there is another primary, and takes itself for one at first.
 */
export type Failure = 'stepDown' | 'shutDown' | 'dieBefore' | 'dieAfter' | 'vanish'

export interface SetOptions {
  members?: number
  /** Whether a write that comes again is known, as it is by MongoDB. */
  remembers?: boolean
  /** Milliseconds after the election until one that had vanished is heard again. */
  vanishedMs?: number
  /** Milliseconds after the election until a majority confirms something of the new primary: till then this does not know what is confirmed. */
  lagMs?: number
}

/** Milliseconds in which more commands come into the middle of a fail-over, after the first. */
const MIDDLE = 50
/** Milliseconds for which one that had vanished takes itself for the primary when it is heard again. */
const STALE = 300

const [INTERRUPTED, SHUTTING_DOWN] = [11_602, 11_600]

/** @param port of the real server, asked at every connection */
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

  /** Lets the primary treat writes so, until there was one and some more; reads go on. Resolves with their number. */
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

  /** Writes in the middle are not done, or done and not confirmed, in turn; they hear of it when it is no primary any more. */
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

/** What each session wrote last, and its answer (manual, "Retryable Writes": at most once, whoever is primary). */
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
    // What has failed was not done, and is tried again.
    const isDone = answer.body['ok'] === 1 && answer.body['writeErrors'] === undefined
    if (!isDone && this.#last.get(session) === one) this.#last.delete(session)
    return answer
  }
}
