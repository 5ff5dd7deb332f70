// @needs MongoDB
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Device, Received } from '../device.ts'
import { befriend } from '../friends.ts'
import { startMongoServer, type MongoServer } from '../mongo-server.ts'
import { Parts } from '../parts.ts'
import type { Run } from '../process.ts'
import { openReplicaSet, type Failure, type SetOptions } from '../replica-set.ts'

// The primary of the handlers' MongoDB fails again and again while commands come: each runs once and in order, and none dies.
// The set is a stand-in with one server behind it: test/replica-set.ts says what it can show and what it cannot.

/** Milliseconds between two commands of one user. */
const PACE = 250
/**
 * Milliseconds until another member is primary: when the first steps down in good order, and when the others must notice that it is
 * gone (manual, "Replica Set Elections": 10 s, and some more).
 */
const [SOON, LATE] = [1_000, 11_000]
/** Milliseconds for which a command may wait beyond the time without a primary. */
const LONGER = 20_000
const LAST = 'last'
const SECRET = 'what nobody else may read'

let server: MongoServer
beforeAll(async () => {
  server = await startMongoServer()
})
afterAll(() => server?.close())

/** One user who sends commands without waiting, and the answers they get. */
class Talk {
  readonly sent: string[] = []
  readonly answers: Received[] = []
  readonly from: Device
  readonly to: Device
  /** The longest wait of a command since this was set to 0, in milliseconds. */
  longest = 0
  readonly #over = new AbortController()
  readonly #sentAt = new Map<string, number>()
  readonly #command: (i: number, to: Device) => [name: string, fields: object]
  readonly #talking: Promise<unknown>

  constructor(from: Device, to: Device, command: (i: number, to: Device) => [name: string, fields: object]) {
    this.from = from
    this.to = to
    this.#command = command
    this.#talking = Promise.all([this.#say(), this.#hear()])
    this.#talking.catch(() => {}) // reported to whoever ends it
  }

  /** Resolves when everything sent so far is answered. */
  async catchesUp(): Promise<void> {
    for (const until = this.sent.length; this.answers.length < until;) await pause(20)
  }

  async ends(): Promise<void> {
    this.#over.abort()
    await this.#talking
  }

  async #say(): Promise<void> {
    for (let i = 0; !this.#over.signal.aborted; i++) {
      const id = `${this.from.user}-${i}`
      this.sent.push(id)
      this.#sentAt.set(id, performance.now())
      await this.from.sends(...this.#command(i, this.to), { id })
      await pause(PACE)
    }
    await this.from.sends('whoami', {}, { id: LAST })
  }

  async #hear(): Promise<void> {
    for (let isLast = false; !isLast || this.answers.length < this.sent.length;) {
      const answer = await this.from.next(60_000)
      if (answer.re === LAST) isLast = true
      const sentAt = this.#sentAt.get(answer.re ?? '')
      if (answer.event === 'command_queued' || sentAt === undefined) continue
      this.answers.push(answer)
      this.longest = Math.max(this.longest, performance.now() - sentAt)
    }
  }
}

const asks = (i: number, { user }: Device): [string, object] => [
  i % 2 === 0 ? 'request_contact' : 'cancel_contact_request',
  { user_id: user },
]
const writes = (i: number, { user }: Device): [string, object] => ['send_message', { to: user, body: `${SECRET} ${i}` }]

/** Each request and each cancellation arrived once and in turn, at the sender and at the receiver. */
async function expectAsked({ sent, answers, to }: Talk): Promise<void> {
  const inTurn = (...two: string[]): string[] => sent.map((_, i) => two[i % 2]!)
  expect(answers.map(({ re }) => re)).toEqual(sent)
  expect(answers.map(({ event }) => event)).toEqual(inTurn('contact_request_sent', 'contact_updated'))
  const heard = (await to.unread()).map(({ event }) => event).filter((event) => event.startsWith('contact'))
  expect(heard).toEqual(inTurn('contact_requested', 'contact_request_cancelled'))
}

/** Each message was written and read once, with consecutive numbers. */
async function expectRead({ sent, answers, from, to }: Talk): Promise<void> {
  const numbered = sent.map((id, i) => [id, 'message_sent', i + 1])
  expect(answers.map(({ re, event, seq }) => [re, event, seq])).toEqual(numbered)
  const heard = (await to.unread()).filter(({ event }) => event === 'message_received')
  expect(heard.map(({ body, seq }) => [body, seq])).toEqual(sent.map((_, i) => [`${SECRET} ${i}`, i + 1]))
  const kept = await from.asks('get_messages', { with: to.user, limit: 1 })
  expect(kept['messages']).toEqual([expect.objectContaining({ seq: sent.length })])
}

/** Each process logs one line when MongoDB goes and one when it is back, or one when another primary follows at once. */
function expectTold(handlers: Run[], times: number): void {
  for (const { stdout } of handlers) {
    const says = (what: string): number => stdout.split(`"msg":"${what}"`).length - 1
    const away = says('cannot reach MongoDB; commands wait')
    expect(says('MongoDB can be reached again')).toBe(away)
    expect(away + says('MongoDB has another primary')).toBe(times)
    expect(stdout).not.toMatch(/"level":(?:50|60)/)
    expect(stdout).not.toContain(SECRET)
    expect(stdout).not.toContain('mongodb://')
  }
}

/** Three users who send requests and three who send messages, each to another user. */
async function talks(parts: Parts): Promise<{ asking: Talk[]; writing: Talk[] }> {
  const two = (who: string) => Promise.all([parts.device(`alice-${who}`), parts.device(`bob-${who}`)])
  const asking: Talk[] = []
  const writing: Talk[] = []
  for (let i = 0; i < 3; i++) {
    const writers = await two(`writes-${i}`)
    await befriend(...writers)
    writing.push(new Talk(...writers, writes))
    asking.push(new Talk(...(await two(`asks-${i}`)), asks))
  }
  return { asking, writing }
}

/** What `/readyz` says during the fail-over. */
async function readyzDuring(parts: Parts, work: Promise<unknown>): Promise<string> {
  const heard = new Set<string>()
  const look = (): void =>
    void parts
      .readyz()
      .then((lines) => lines.forEach((line) => heard.add(line)))
      .catch(() => {})
  const looking = setInterval(look, 200)
  await work.finally(() => clearInterval(looking))
  return [...heard].join()
}

test.each<[name: string, options: SetOptions, failures: [Failure, number][]]>([
  [
    'ten times in a row',
    { lagMs: 500 },
    [
      ['stepDown', SOON],
      ['dieAfter', LATE],
      ['shutDown', SOON],
      ['dieBefore', LATE],
      ['vanish', LATE],
      ['dieAfter', SOON],
      ['stepDown', LATE],
      ['vanish', SOON],
      ['dieBefore', SOON],
      ['shutDown', LATE],
    ],
  ],
  [
    'of a set that does not recognize a retried write',
    { remembers: false },
    [
      ['stepDown', SOON],
      ['dieAfter', SOON],
      ['shutDown', SOON],
      ['dieAfter', LATE],
    ],
  ],
])(
  'the primary fails, %s',
  async (_, options, failures) => {
    const set = await openReplicaSet(() => Number(new URL(server.url).port), options)
    const MONGODB_URL = set.url.replace('/?', `/failures-${failures.length}?`)
    const parts = await Parts.open({ QUEUE_TTL: '600000', RETRY_DELAY: '200', LOG_LEVEL: 'info', MONGODB_URL })
    try {
      const groups = ['contacts', 'contacts', 'messaging', 'messaging']
      const handlers = await Promise.all(groups.map((group) => parts.startHandlers(group)))
      const { asking, writing } = await talks(parts)
      const all = [...asking, ...writing]
      for (const [how, ms] of failures) {
        for (const talk of all) talk.longest = 0
        const failing = set.failOver(how, ms)
        const readyz = await readyzDuring(parts, failing)
        for (const talk of all) await talk.catchesUp()
        expect(await failing).toBeGreaterThan(0)
        expect(Math.max(...all.map(({ longest }) => longest))).toBeLessThan(ms + LONGER)
        if (ms === LATE) expect(readyz).toMatch(/,the group \w+ puts commands off: MongoDB cannot be used: /)
        // Presence and signaling are not started here, so commands wait for them.
        expect((await parts.readyz()).slice(1).filter((line) => !line.includes('has no process'))).toEqual([])
      }
      await Promise.all(all.map((talk) => talk.ends()))
      for (const talk of asking) await expectAsked(talk)
      for (const talk of writing) await expectRead(talk)
      expectTold(handlers, failures.length)
      expect(parts.broker.stdout).not.toContain('a command is dead')
      expect(set.remembered > 0).toBe(options.remembers !== false)
    } finally {
      await parts.close()
      await set.close()
    }
  },
  400_000,
)
