import { openLog } from '../../shared/log.ts'
import type { DeclaredCommand, HandlerSettings } from '../../shared/runtime/command.ts'
import { equip, execute, openWorkshop } from '../../shared/runtime/execute.ts'
import type { Commands } from '../../shared/runtime/scan.ts'
import type { Store } from '../../shared/store/documents.ts'
import { encodeDone, type Done } from '../../shared/wire/done.ts'
import { refusalFields, Refusal } from '../../shared/wire/refusal.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import { countingStore, type Work } from '../counting-store.ts'
import { dyingAfter } from '../dying-store.ts'

/** An event as its receiver gets it. */
export interface GotEvent {
  readonly event: string
  readonly at: string
  readonly re?: string
  readonly [field: string]: unknown
}

/** Who sends a command, and from where. */
export interface Sender {
  readonly user: UserId
  readonly client: string
  /** The user's connected clients. */
  readonly clients: readonly string[]
}

interface Due {
  readonly at: number
  readonly sender: Sender
  readonly name: string
  readonly input: object
}

type Ended = Extract<Done, { outcome: 'done' | 'refused' }>

const log = openLog(process.env['LOG_LEVEL'] ?? 'silent', 'test')
/** The most writes of one command after which it is killed in turn. */
const MAX_DEATHS = 100

/** Runs commands as a handler process does, on a real store, and plays the broker: stamps, events, commands put off until later. */
export class Play {
  /** Milliseconds since 1970. */
  now = Date.now()
  readonly #commands: Commands
  readonly #store: Store
  readonly #settings: HandlerSettings
  readonly #shop: ReturnType<typeof openWorkshop>
  readonly #deliver: (to: UserId, event: GotEvent) => void
  readonly #forget: (isMeant: (event: GotEvent) => boolean) => void
  readonly work: () => Work
  #due: Due[] = []
  #order = 0

  constructor(
    commands: Commands,
    store: Store,
    settings: HandlerSettings,
    people: {
      readonly deliver: (to: UserId, event: GotEvent) => void
      readonly forget: (isMeant: (event: GotEvent) => boolean) => void
    },
  ) {
    const counting = countingStore(store)
    this.#commands = commands
    this.#store = store
    this.#settings = settings
    this.#shop = openWorkshop(counting.store, settings, log)
    this.#deliver = people.deliver
    this.#forget = people.forget
    this.work = counting.work
  }

  /** Counts what something makes the store do, which no machine's speed changes. */
  async workOf(does: () => Promise<unknown>): Promise<Work> {
    const before = this.work()
    await does()
    const after = this.work()
    return {
      read: after.read - before.read,
      counted: after.counted - before.counted,
      written: after.written - before.written,
    }
  }

  prepare(): Promise<void> {
    return equip(this.#commands.values(), this.#shop)
  }

  /**
   * Runs a command from a device, and delivers the events it causes.
   * @param crashes kills the process after each of its writes in turn, before the broker learns the result
   * @returns the answer; undefined when the command declares no reply
   * @throws when its attempt failed: with several attempts its sender would get `command_failed`
   */
  async send(sender: Sender, name: string, input: object, crashes = false): Promise<GotEvent | undefined> {
    const command = this.#commands.get(name)
    if (!command || command.internal) {
      return this.#event('command_rejected', refusalFields(name, new Refusal('unknown_command')), `~${this.#order}`)
    }
    const { end, id } = await this.#run(sender, name, command, input, crashes)
    const refusal = end.outcome === 'refused' && refusalOf(name, end)
    const [reply] = end.outcome === 'done' && command.replyTo !== 'nobody' ? end.events : []
    this.#handOut(sender, end, id, reply)
    if (refusal) return this.#event('command_rejected', refusal, id)
    return reply && this.#event(reply.event, reply.fields, id)
  }

  /** Runs the commands that the broker sends when a user comes or goes. */
  async tellPresence(sender: Sender, online: boolean): Promise<void> {
    for (const [name, command] of this.#commands) {
      if (command.internal === 'presence') await this.runInternal(sender, name, { online })
    }
  }

  /** Moves the clock forward, and runs the commands that fall due, in order. */
  async pass(ms: number): Promise<void> {
    const until = this.now + ms
    for (;;) {
      const next = this.#due.toSorted((a, b) => a.at - b.at)[0]
      if (next === undefined || next.at > until) break
      this.#due = this.#due.filter((one) => one !== next)
      this.now = Math.max(this.now, next.at)
      await this.runInternal(next.sender, next.name, next.input)
    }
    this.now = until
  }

  /** Runs a command that only the broker sends. */
  async runInternal(sender: Sender, name: string, input: object): Promise<void> {
    const command = this.#commands.get(name)
    if (!command) throw new Error(`${name} is due, and its group is not on this stage`)
    const { end, id } = await this.#run(sender, name, command, input, false)
    this.#handOut(sender, end, id)
  }

  async #run(sender: Sender, name: string, command: DeclaredCommand, input: object, crashes: boolean) {
    const order = ++this.#order
    const id = `${sender.user}/~${order}`
    const at = new Date(this.now).toISOString()
    const payload = Buffer.from(JSON.stringify(input))
    const attempt = (number: number, shop = this.#shop): Promise<Done> => {
      const clients = command.seesClients ? { clients: [...sender.clients] } : {}
      const from = { 'command-id': id, 'user-id': sender.user, 'client-id': sender.client, traceparent: '' }
      return execute(name, command, payload, { ...from, attempt: number, at, order, ...clients }, shop)
    }
    const maxDeaths = crashes ? MAX_DEATHS : 0
    let deaths = 0
    for (; deaths < maxDeaths; deaths++) {
      const dying = openWorkshop(dyingAfter(this.#store, deaths + 1), this.#settings, log)
      const end = await attempt(deaths + 1, dying)
      if (!(end.outcome === 'retry' && end.error?.name === 'Died')) break
    }
    const end = ended(name, await attempt(deaths + 1))
    if (crashes) {
      const again = ended(name, await attempt(deaths + 2))
      if (effectsOf(again) !== effectsOf(end)) {
        throw new Error(
          `${name} runs once more with the same command.id and has other effects: ${effectsOf(again)} after ${effectsOf(end)}`,
        )
      }
    }
    return { end, id }
  }

  #handOut(sender: Sender, end: Ended, id: string, reply?: object): void {
    const forgotten = end.outcome === 'done' ? (end.forget ?? []) : []
    for (const { events, field, value } of forgotten) {
      this.#forget((one) => events.includes(one.event) && one[field] === value)
    }
    for (const { to, event, fields } of (end.events ?? []).filter((one) => one !== reply)) {
      for (const user of new Set([to].flat())) {
        this.#deliver(user, this.#event(event, fields, user === sender.user ? id : undefined))
      }
    }
    for (const { after_ms, command, input } of end.later ?? []) {
      this.#due.push({ at: this.now + after_ms, sender, name: command, input })
    }
  }

  #event(event: string, fields: object, re?: string): GotEvent {
    const at = new Date(this.now).toISOString()
    const got = JSON.parse(JSON.stringify(fields)) as object // as the device gets it
    return { event, at, ...(re !== undefined && { re }), ...got }
  }
}

/** @throws when the attempt failed, or the broker would refuse its result */
function ended(name: string, end: Done): Ended {
  if (end.outcome === 'retry') {
    const { error, reason = '' } = end
    const told = new Error(`${name} ${error ? `failed: ${error.name}: ${error.message}` : `was put off: ${reason}`}`)
    if (error?.stack !== undefined) told.stack = `${told.message}\n${error.stack.replace(/^\s*/gm, '    ')}`
    throw told
  }
  encodeDone(end)
  return end
}

function effectsOf({ command: _command, attempt: _attempt, ...effects }: Ended): string {
  return JSON.stringify(effects)
}

function refusalOf(name: string, end: Extract<Done, { outcome: 'refused' }>): object {
  const { code, message, fields, retry_after_ms } = end
  return {
    command: name,
    code,
    message,
    ...(fields && { fields }),
    ...(retry_after_ms !== undefined && { retry_after_ms }),
  }
}
