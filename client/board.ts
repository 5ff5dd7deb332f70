import { Asking } from './asking.ts'
import { whenAwake } from './awake.ts'
import { Connection, type FetchToken, type State } from './connection.ts'
import { READS, UNANSWERED, type Answer, type Commands, type Event, type Events } from './contract.ts'
import { Closed, Failed, NotStored, Rejected, Timeout, Uncertain } from './errors.ts'
import { Inbox, type Incoming, type Position } from './inbox.ts'
import { Listeners } from './listeners.ts'
import type { Link } from './mqtt/link.ts'
import type { Connack } from './mqtt/decode.ts'
import { newId } from './new-id.ts'
import { CALL, Outbox, type Entry } from './outbox.ts'
import { Sending } from './sending.ts'
import { ServerClock } from './server-clock.ts'
import type { OpenSocket } from './socket/socket.ts'
import type { Store } from './store/store.ts'
import { Writer } from './store/writer.ts'

export interface CallOptions {
  /** The command's id, up to 64 characters. The same id has one effect. By default, a new one. */
  id?: string
  /** Milliseconds after which the call rejects with `Timeout`. The command stays in the outbox. By default it waits as long as it takes. */
  timeout?: number
  /** Ends the wait, not the command. */
  signal?: AbortSignal
  /** When the command is no longer worth running: the platform then refuses it with the code `timeout`. */
  expiresAt?: Date
  /** `false`: not kept in the outbox's store, for what is of no use after a restart of the app. */
  keep?: boolean
}

/** A command in the outbox. */
export interface Waiting {
  id: string
  command: string
  fields: Record<string, unknown>
  /** It is on its way; otherwise it waits for a connection. */
  isSent: boolean
}

/** What a board tells besides the platform's events. */
export interface OwnEvents {
  /** Events are missing that cannot be had any more, or this is the first start: fetch the state of the app. */
  reset: []
  state: [state: State, reason: string | undefined]
  /** The outbox has changed. */
  waiting: [calls: Waiting[]]
  /** The answer of a command is lost, and it is too old to be sent again. Its call rejects with the same, if it still waits. */
  uncertain: [err: Uncertain]
  /** A listener threw, or the store cannot be written. */
  fault: [err: unknown]
  /** Every event of the platform. */
  '*': [event: { [Name in keyof Events]: Event<Name> }[keyof Events]]
}

export interface BoardOptions {
  url: string
  token: FetchToken
  open: OpenSocket
  store: Store
  /** `IDEMPOTENCY_WINDOW` of the platform in milliseconds. */
  window: number
}

type FieldsOf<Name extends keyof Commands> =
  Record<string, never> extends Commands[Name]
    ? [fields?: Commands[Name], options?: CallOptions]
    : [fields: Commands[Name], options?: CallOptions]

const [CLIENT, USER, POSITION] = ['client', 'user', 'position']
/** Answers without a number that are remembered, since a command that was sent again may be answered twice. */
const MAX_ANSWERED = 1_000
/** Milliseconds between two looks for what closed tabs have left. */
const ADOPT_EVERY = 30_000

/** The platform as an app sees it: commands are called, events are listened to. */
export class Board {
  readonly #options: BoardOptions
  readonly #listeners = new Listeners((err) => this.#fault(err))
  readonly #writer: Writer
  readonly #outbox: Outbox
  readonly #sending: Sending
  readonly #asking = new Asking()
  readonly #clock = new ServerClock()
  readonly #inbox: Inbox
  readonly #answered = new Set<string>()
  readonly #opened: Promise<void>
  #connection: Connection | undefined
  #unlisten = (): void => {}
  #closing: Promise<void> | undefined
  #isDrained = (): void => {}
  #willTell = false
  #clientId = ''
  #user: string | undefined

  constructor(options: BoardOptions) {
    const { store, window } = options
    this.#options = options
    this.#writer = new Writer(store, (err) => this.#fault(err))
    this.#outbox = new Outbox(this.#writer, () => this.#outboxChanged())
    this.#sending = new Sending({
      outbox: this.#outbox,
      clock: this.#clock,
      window,
      fail: (entry, err) => this.#fail(entry, err),
      fault: (err) => this.#fault(err),
    })
    this.#inbox = new Inbox({
      sync: async (after) => (await this.#asking.insist('sync_events', after)) as never,
      pass: (event, then) => this.#listeners.pass([event.event, '*'], event, then),
      reset: (then) => this.#listeners.pass(['reset'], undefined, then),
      reached: (position) => this.#writer.note(POSITION, JSON.stringify(position)),
    })
    this.#opened = this.#open()
    this.#opened.catch((err: unknown) => this.#fault(err))
  }

  get state(): State {
    return this.#connection?.state ?? 'connecting'
  }

  /** Why it is offline or refused, in words. */
  get reason(): string | undefined {
    return this.#connection?.reason
  }

  /** The user id, once it is known from a login, now or earlier. */
  get user(): string | undefined {
    return this.#user
  }

  /** This device, by the id that the platform knows; empty until the store is open. */
  get clientId(): string {
    return this.#clientId
  }

  /** The commands that are not answered yet, in order. */
  get waiting(): Waiting[] {
    return Array.from(this.#outbox.all, ({ call: { id, command, payload }, isOut }) => {
      const { id: _id, expires_at: _at, ...fields } = JSON.parse(payload) as Record<string, unknown>
      return { id, command, fields, isSent: isOut }
    })
  }

  /**
   * Sends a command, now or when there is a connection, and resolves with its answer.
   * @throws {Rejected | Failed} what the platform answered
   * @throws {Timeout} after `timeout`; the command stays in the outbox
   * @throws {Uncertain} when the answer is lost
   * @throws {NotStored} when the outbox has no room
   * @throws {Closed} when the board is closed before
   */
  async call<Name extends keyof Commands>(name: Name, ...[fields, options]: FieldsOf<Name>): Promise<Answer<Name>> {
    const { signal, timeout, id = newId(), ...how } = options ?? {}
    signal?.throwIfAborted()
    await this.#opened
    if (this.#closing) throw new Closed()
    if (UNANSWERED.has(name)) {
      this.#asking.tell(name, fields ?? {})
      return undefined as Answer<Name>
    }
    const answer = this.#send(name, fields ?? {}, { ...how, id })
    return (await within(answer, signal, timeout, () => new Timeout(name, id))) as Answer<Name>
  }

  /** Listens to an event; the returned function ends that. Listeners run one after another, and those that are asynchronous are awaited. */
  on<Name extends keyof Events>(name: Name, listener: (event: Event<Name>) => unknown): () => void
  on<Name extends keyof OwnEvents>(name: Name, listener: (...told: OwnEvents[Name]) => unknown): () => void
  on(name: string, listener: (...told: never[]) => unknown): () => void {
    return this.#listeners.add(name, listener)
  }

  /** Finds out at once whether the connection still stands. Pages do so by themselves; call it when a phone's app comes to the front. */
  wake(): void {
    this.#connection?.wake()
    void this.#adopt()
  }

  /** Tries to log in now, even after a refusal: somebody has signed in again. */
  retry(): void {
    this.#connection?.retry()
  }

  /**
   * Ends the session.
   * @param how `keep` leaves the outbox to the next start; `flush` first waits until all is answered, at most `timeout`
   *   milliseconds; `discard` empties the outbox and forgets what was read, as when somebody signs out
   */
  close(how: 'keep' | 'flush' | 'discard' = 'keep', timeout = 10_000): Promise<void> {
    return (this.#closing ??= this.#close(how, timeout))
  }

  async #open(): Promise<void> {
    const { store, url, open, token } = this.#options
    const stored = await store.open()
    this.#clientId = stored.get(CLIENT) ?? newId()
    if (!stored.has(CLIENT)) this.#writer.note(CLIENT, this.#clientId)
    this.#user = stored.get(USER)
    const position = stored.get(POSITION)
    if (position !== undefined) this.#inbox.restore(JSON.parse(position) as Position)
    this.#outbox.restore(stored)
    this.#connection = new Connection({
      url,
      open,
      token,
      clientId: this.#clientId,
      changed: (state, reason) => this.#listeners.passNow('state', state, reason),
      up: (link, connack) => void this.#up(link, connack),
      message: (text, isDup) => this.#receive(text, isDup),
      down: () => this.#down(),
    })
    const stopListening = whenAwake(() => this.wake())
    const clock = store.adopt && setInterval(() => void this.#adopt(), ADOPT_EVERY)
    this.#unlisten = () => {
      stopListening()
      clearInterval(clock)
    }
    this.#connection.retry()
    void this.#adopt()
  }

  async #up(link: Link, { user, maxPacketBytes }: Connack): Promise<void> {
    if (user !== undefined) this.#isUser(user)
    this.#asking.start(link)
    try {
      await new Promise<void>((resolve, reject) => {
        link.subscribe(`${this.#user}_events`, (reason) => {
          if (reason < 0x80) resolve()
          else reject(new Error(`the subscription was refused (0x${reason.toString(16)})`))
        })
      })
      await this.#inbox.catchUp(({ at, recovered }) => {
        this.#clock.set(at)
        this.#sending.start(link, maxPacketBytes, recovered)
      })
      this.#connection!.isCaughtUp()
    } catch (err) {
      if (!this.#asking.isOn(link)) return // lost meanwhile
      this.#fault(err)
      link.drop()
    }
  }

  #down(): void {
    this.#asking.stop()
    this.#sending.stop()
    this.#inbox.disconnected()
    this.#outboxChanged()
  }

  /** What another user has left in the outbox is not sent in this one's name. */
  #isUser(user: string): void {
    if (this.#user === user) return
    if (this.#user !== undefined) {
      this.#discard(new Closed('another user has logged in'))
      this.#inbox.clear()
    }
    this.#user = user
    this.#writer.note(USER, user)
  }

  #discard(why: Error): void {
    for (const entry of this.#outbox.all) {
      this.#outbox.remove(entry)
      entry.waiting?.reject(why)
    }
  }

  #receive(text: string, isDup: boolean): void {
    const event = JSON.parse(text) as Incoming
    if (this.#asking.takes(event)) return
    if (event.event === 'session_expiring' && event['client_id'] === this.#clientId) void this.#renew()
    const { re } = event
    if (re !== undefined && !this.#settle(re, event) && event.event_seq === undefined && this.#answered.has(re)) return
    this.#inbox.receive(event, text, isDup)
  }

  /** Gives an answer to its call. */
  #settle(id: string, event: Incoming): boolean {
    const entry = this.#outbox.get(id)
    if (!entry) return false
    if (event.event === 'command_queued') {
      entry.call.isAccepted = true
      this.#outbox.note(entry)
      return true
    }
    this.#outbox.remove(entry)
    this.#answered.add(id)
    if (this.#answered.size > MAX_ANSWERED) this.#answered.delete(this.#answered.values().next().value!)
    if (event.event === 'command_rejected') {
      entry.waiting?.reject(new Rejected(event as unknown as Events['command_rejected']))
    } else if (event.event === 'command_failed') {
      entry.waiting?.reject(new Failed(event as unknown as Events['command_failed']))
    } else entry.waiting?.resolve(event)
    return true
  }

  async #renew(): Promise<void> {
    try {
      const token = await this.#options.token({ wasRefused: false })
      if (token) await this.#asking.ask('refresh_session', { token })
    } catch {
      // The session ends with its token, and the next login asks for one.
    }
  }

  async #adopt(): Promise<void> {
    try {
      const entries = this.#outbox.restore((await this.#options.store.adopt?.(CALL)) ?? new Map())
      if (this.#sending.isFlowing) this.#sending.resume(entries, false)
    } catch (err) {
      if (!this.#closing) this.#fault(err)
    }
  }

  #send(
    command: string,
    fields: object,
    { id, expiresAt, keep = true }: CallOptions & { id: string },
  ): Promise<unknown> {
    let entry = this.#outbox.get(id)
    if (!entry) {
      const expires = expiresAt?.getTime()
      const payload = JSON.stringify({ id, ...fields, ...(expires !== undefined && { expires_at: expires }) })
      const call = { id, command, payload, ...(expires !== undefined && { expiresAt: expires }) }
      const isRead = READS.has(command)
      const added = this.#outbox.add(call, { isRead, isKept: keep && !isRead })
      entry = added
      this.#sending.add(added).catch((err: unknown) => {
        this.#outbox.remove(added)
        this.#fail(added, new NotStored(command, err))
      })
    }
    if (!entry.waiting) {
      let settle: Pick<NonNullable<Entry['waiting']>, 'resolve' | 'reject'>
      const answer = new Promise((resolve, reject) => (settle = { resolve, reject }))
      entry.waiting = { answer, ...settle! }
    }
    return entry.waiting.answer
  }

  #fail(entry: Entry, err: Error): void {
    entry.waiting?.reject(err)
    if (err instanceof Uncertain) this.#listeners.passNow('uncertain', err)
  }

  async #close(how: 'keep' | 'flush' | 'discard', timeout: number): Promise<void> {
    const isOpen = await this.#opened.then(
      () => true,
      () => false,
    )
    if (!isOpen) return
    if (how === 'flush' && this.#outbox.size > 0) {
      const drained = new Promise<void>((resolve) => (this.#isDrained = resolve))
      let timer: ReturnType<typeof setTimeout> | undefined
      await Promise.race([drained, new Promise((resolve) => (timer = setTimeout(resolve, timeout)))])
      clearTimeout(timer)
    }
    this.#unlisten()
    this.#connection?.close()
    if (how === 'discard') {
      this.#discard(new Closed())
      for (const key of [POSITION, USER]) this.#writer.note(key, undefined)
    } else for (const { waiting } of this.#outbox.all) waiting?.reject(new Closed())
    await this.#writer.settled()
    await this.#options.store.close()
  }

  #outboxChanged(): void {
    if (this.#outbox.size === 0) this.#isDrained()
    if (this.#willTell || !this.#listeners.has('waiting')) return
    this.#willTell = true
    queueMicrotask(() => {
      this.#willTell = false
      this.#listeners.passNow('waiting', this.waiting)
    })
  }

  #fault(err: unknown): void {
    if (this.#listeners.has('fault')) this.#listeners.passNow('fault', err)
    else console.error('switchboard:', err) // oxlint-disable-line no-console -- nobody else would hear of it
  }
}

/** The answer, unless the app stops waiting before. */
async function within(
  answer: Promise<unknown>,
  signal: AbortSignal | undefined,
  timeout: number | undefined,
  late: () => Error,
): Promise<unknown> {
  if (!signal && timeout === undefined) return answer
  let timer: ReturnType<typeof setTimeout> | undefined
  let abort = (): void => {}
  const ended = new Promise<never>((_, reject) => {
    abort = () => reject(signal!.reason as Error)
    signal?.addEventListener('abort', abort)
    if (signal?.aborted) abort() // while the store was opened
    if (timeout !== undefined) timer = setTimeout(() => reject(late()), timeout)
  })
  answer.catch(() => {}) // told later, to nobody
  try {
    return await Promise.race([answer, ended])
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}
