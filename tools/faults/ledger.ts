/** Something that went wrong. */
export interface Violation {
  kind: 'lost' | 'doubled' | 'reordered' | 'unexpected' | 'state'
  text: string
}

const ACTS = ['request_contact', 'cancel_contact_request'] as const
const HEARD = ['contact_requested', 'contact_request_cancelled'] as const
const ANSWERED = ['contact_request_sent', 'contact_updated'] as const
/** Answers of a device to remember, to tell a repeated answer from a second one. */
const REMEMBERED = 4_000

/** Events of a pair to remember, for the same reason. */
const HEARD_REMEMBERED = 32

export interface Sent {
  id: string
  asker: string
  asked: string
  command: (typeof ACTS)[number]
  number: number
  at: number
  isAcknowledged: boolean
}

interface Pair {
  /** Commands sent; they alternate. */
  sent: number
  /** Events received by the user who is asked: their number, and the last ones. */
  heard: number
  last: string[]
  /** A command failed, so both the events and the final state may be either. */
  isUncertain: boolean
}

interface Asker {
  next: number
  /** The number of the command whose answer must come next. */
  expected: number
  answers: Map<string, string>
}

/**
 * A ledger of numbered commands. Each pair of users alternates between a request and its withdrawal, so a command that is lost, doubled
 * or overtaken shows in the events of the user who is asked, and in the final state.
 */
export class Ledger {
  readonly open = new Map<string, Sent>()
  readonly violations: Violation[] = []
  readonly counts = { sent: 0, acknowledged: 0, answered: 0, dead: 0, repeats: 0, redelivered: 0 }
  readonly #askers = new Map<string, Asker>()
  readonly #pairs = new Map<string, Pair>()

  /** The next command of an asker, who asks these users in turn. */
  next(asker: string, all: readonly string[]): Sent {
    const who = this.#asker(asker)
    const number = who.next++
    const asked = all[number % all.length]!
    const pair = this.#pair(asker, asked)
    const command = ACTS[pair.sent++ % 2]!
    const sent = { id: `${asker}-${number}`, asker, asked, command, number, at: Date.now(), isAcknowledged: false }
    this.open.set(sent.id, sent)
    this.counts.sent++
    return sent
  }

  acknowledged(sent: Sent): void {
    sent.isAcknowledged = true
    this.counts.acknowledged++
  }

  /** A PUBACK refused a command. Every command is valid, so this is a violation. */
  refused({ id }: Sent, code: number): void {
    this.#wrong('unexpected', `${id} was refused with 0x${code.toString(16)}`)
  }

  /** An asker has received an answer to a command. */
  answered(asker: string, event: string, re: string, text: string): Sent | undefined {
    if (event === 'command_queued') return undefined
    const who = this.#asker(asker)
    const before = who.answers.get(re)
    if (before !== undefined) {
      if (before === text)
        this.counts.repeats++ // the device sent it again, or its PUBACK was lost
      else this.#wrong('doubled', `${re}: ${before} and then ${text}`)
      return undefined
    }
    const sent = this.open.get(re)
    if (!sent) {
      this.#wrong('unexpected', `${asker} hears ${text}`)
      return undefined
    }
    this.open.delete(re)
    who.answers.set(re, text)
    if (who.answers.size > REMEMBERED) who.answers.delete(who.answers.keys().next().value!)
    this.counts.answered++
    const pair = this.#pair(asker, sent.asked)
    if (event === 'command_failed') {
      this.counts.dead++
      pair.isUncertain = true
    } else if (event !== ANSWERED[ACTS.indexOf(sent.command)] && !pair.isUncertain) {
      this.#wrong('unexpected', `${re} ${sent.command} of ${sent.asked}: ${text}`)
    }
    if (sent.number !== who.expected) this.#wrong('reordered', `${re} was answered before ${asker}-${who.expected}`)
    who.expected = sent.number + 1
    return sent
  }

  /** A user who is asked has received the event. `dup`: the packet may be a repeat [MQTT-3.3.1-1]. */
  heard(asked: string, event: string, asker: string, text: string, dup: boolean): void {
    const pair = this.#pair(asker, asked)
    if (dup && pair.last.includes(text)) {
      this.counts.redelivered++
      return
    }
    if (event !== HEARD[pair.heard % 2]) {
      if (!pair.isUncertain) this.#wrong('doubled', `${asked} hears ${text} after ${pair.last.at(-1)}`)
      pair.heard++ // counts the missing ones, so that the next is not wrong too
    }
    pair.heard++
    pair.last.push(text)
    if (pair.last.length > HEARD_REMEMBERED) pair.last.shift()
  }

  /** True when the users who are asked have received an event for every command. */
  get isHeard(): boolean {
    return [...this.#pairs.values()].every(({ heard, sent, isUncertain }) => isUncertain || heard >= sent)
  }

  /** At the end: reports what is missing, and where the final state is wrong. */
  close(asker: string, listed: ReadonlySet<string>): void {
    for (const [key, pair] of this.#pairs) {
      const [from, asked] = key.split(' ') as [string, string]
      if (from !== asker || pair.isUncertain) continue
      if (pair.heard !== pair.sent)
        this.#wrong('lost', `${asked} has received ${pair.heard} of ${pair.sent} events from ${asker}`)
      if (listed.has(asked) !== (pair.sent % 2 === 1)) this.#wrong('state', `${asker} and ${asked} after ${pair.sent}`)
    }
  }

  /** Commands that are still unanswered are lost. */
  closeOpen(): void {
    for (const { id, isAcknowledged } of this.open.values()) {
      this.#wrong('lost', `${id}, ${isAcknowledged ? 'acknowledged' : 'not acknowledged'}, has no answer`)
    }
  }

  #wrong(kind: Violation['kind'], text: string): void {
    this.violations.push({ kind, text })
  }

  #asker(name: string): Asker {
    let asker = this.#askers.get(name)
    if (!asker) this.#askers.set(name, (asker = { next: 0, expected: 0, answers: new Map() }))
    return asker
  }

  #pair(asker: string, asked: string): Pair {
    const key = `${asker} ${asked}`
    let pair = this.#pairs.get(key)
    if (!pair) this.#pairs.set(key, (pair = { sent: 0, heard: 0, last: [], isUncertain: false }))
    return pair
  }
}
