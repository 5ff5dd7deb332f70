import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { signToken } from '../../../scripts/sign-token.ts'
import { closeAll, type Closable } from '../../../shared/shutdown.ts'
import { Parts } from '../../../test/parts.ts'
import { Run } from '../../../test/process.ts'
import { seeded } from '../../random.ts'
import { pause } from '../crowd.ts'
import { openProxy } from '../proxy.ts'

export const APP_FAULTS = ['app', 'broker', 'handler', 'cut', 'hole'] as const
export type AppFault = (typeof APP_FAULTS)[number]

export interface AppFaultPlan {
  seed: number
  /** App processes; each sends to the next. */
  apps: number
  /** Messages of each. */
  messages: number
  /** Faults of each kind at least. */
  faults: number
}

export interface AppFaultReport {
  done: Record<AppFault, number>
  violations: string[]
  calls: number
  /** Events that a process passed again because it was killed before it had noted them. */
  passedAgain: number
  seconds: number
}

/** Milliseconds between two faults, at most. */
const CALM = 1_500
const PATIENCE = 180_000
/** Milliseconds after which the next fault comes, however little has been answered since the last. */
const SHARE = 20_000

/**
 * Runs apps that know only `call` and `on` while everything around them is killed, then compares what each has heard with what was sent
 * to it: every message once, in order.
 */
export async function runAppFaults(plan: AppFaultPlan, says: (line: string) => void): Promise<AppFaultReport> {
  const opened: Closable[] = []
  const random = seeded(plan.seed)
  const began = performance.now()
  try {
    const parts = await Parts.open({ ACCESS: 'everyone', CONNECTS_PER_CLIENT: '100000', LOG_LEVEL: 'error' })
    opened.push(parts)
    const proxy = await openProxy(() => Number(new URL(parts.url).port))
    opened.push(proxy)
    let handlers = await parts.startHandlers('messaging')
    const ca = join(parts.dir, 'ca.pem')
    writeFileSync(ca, parts.ca)
    const users = Array.from({ length: plan.apps }, (_, i) => `app${i}`)
    const apps = new Map<string, Run>()
    const sent = new Set<string>()
    const ended: string[] = []
    const start = (user: string, messages = plan.messages): Run => {
      const peer = users[(users.indexOf(user) + 1) % users.length]!
      const env = {
        APP_URL: `mqtts://127.0.0.1:${proxy.port}`,
        APP_CA: ca,
        APP_TOKEN: signToken(user, '7d', parts.env['SECRET']!),
        APP_USER: user,
        APP_PEER: peer,
        APP_MESSAGES: String(messages),
        APP_DIR: parts.dir,
      }
      const app = new Run(['tools/faults/app/app.ts'], { env })
      apps.set(user, app)
      opened.push(app)
      app.ready.then(() => sent.add(user)).catch(() => {})
      void app.ended.then((how) => {
        if (how !== 'SIGKILL') ended.push(`${user} ended by itself (${how}): ${app.stderr}`)
      })
      return app
    }
    for (const user of users) {
      const app = start(user, 0)
      await app.ready
      await app.close()
    }
    sent.clear()
    for (const user of users) start(user)

    const FAULTS: Record<AppFault, () => Promise<void>> = {
      async app() {
        const user = users[Math.floor(random() * users.length)]!
        const app = apps.get(user)!
        app.kill('SIGKILL')
        await app.ended
        sent.delete(user)
        start(user)
      },
      async broker() {
        await parts.killBroker()
        await parts.startBroker()
      },
      async handler() {
        handlers.kill('SIGKILL')
        await handlers.ended
        handlers = await parts.startHandlers('messaging')
      },
      cut: () => Promise.resolve(proxy.cut()),
      async hole() {
        proxy.blackhole(true)
        await pause(random() * 6_000)
        proxy.blackhole(false)
        proxy.cut()
      },
    }
    const done: Record<AppFault, number> = { app: 0, broker: 0, handler: 0, cut: 0, hole: 0 }
    const left = APP_FAULTS.flatMap((kind) => Array.from({ length: plan.faults }, () => kind))
    const total = left.length
    await pause(2_000)
    while (left.length > 0) {
      const [kind] = left.splice(Math.floor(random() * left.length), 1) as [AppFault]
      await FAULTS[kind]()
      done[kind]++
      says(
        `${left.length} faults left, last: ${kind}; ${answeredIn(parts.dir, users)} of ${plan.apps * plan.messages} answered`,
      )
      await pause(random() * CALM)
      // The calls are spread over the faults.
      const share = (plan.apps * plan.messages * (total - left.length)) / (total + 1)
      for (const late = performance.now() + SHARE; answeredIn(parts.dir, users) < share && performance.now() < late;)
        await pause(100)
    }
    const isDone = (): boolean =>
      sent.size === users.length && users.every((user) => firsts(heardBy(parts.dir, user)).length >= plan.messages)
    let last = -1
    for (let late = performance.now() + PATIENCE; !isDone() && performance.now() < late; await pause(1_000)) {
      const progress =
        answeredIn(parts.dir, users) + users.reduce((sum, user) => sum + heardBy(parts.dir, user).length, 0)
      if (progress !== last) late = performance.now() + PATIENCE
      last = progress
    }
    await pause(1_000) // what comes twice
    const books = users.map((user) => check(parts.dir, user, users.at(users.indexOf(user) - 1)!, plan.messages))
    return {
      done,
      violations: [...ended, ...books.flatMap(({ violations }) => violations)],
      calls: answeredIn(parts.dir, users),
      passedAgain: books.reduce((sum, { again }) => sum + again, 0),
      seconds: Math.round((performance.now() - began) / 1000),
    }
  } finally {
    await closeAll(opened)
  }
}

interface Heard {
  from: string
  number: number
  seq: number
  message: string
}

/** One who is killed after the app has heard an event and before that is noted passes it again: the same event, by its number. */
function firsts(heard: readonly Heard[]): Heard[] {
  const seqs = new Set<number>()
  return heard.filter(({ seq }) => !seqs.has(seq) && seqs.add(seq))
}

function check(dir: string, user: string, from: string, messages: number): { violations: string[]; again: number } {
  const heard = heardBy(dir, user)
  const once = firsts(heard)
  const wanted = new Set(Array.from({ length: messages }, (_, i) => i))
  const violations = linesOf(dir, user, 'faults').map((line) => `${user}: ${line}`)
  const answered = linesOf(dir, user, 'answered')
  if (new Set(answered).size !== messages) violations.push(`${user}: ${answered.length} of ${messages} are answered`)
  const ids = new Map<number, string>()
  for (const { number, message, from: author } of once) {
    if (author !== from) violations.push(`${user} heard ${author}`)
    else if (ids.has(number))
      violations.push(`doubled: ${from} to ${user}, ${number}: ${ids.get(number)} and ${message}`)
    ids.set(number, message)
    wanted.delete(number)
  }
  for (const number of wanted) violations.push(`lost: ${from} to ${user}, ${number}`)
  const seqs = once.map(({ seq }) => seq)
  if (seqs.some((seq, i) => i > 0 && seq <= seqs[i - 1]!)) violations.push(`out of order: what ${user} heard`)
  return { violations, again: heard.length - once.length }
}

const linesOf = (dir: string, user: string, name: string): string[] => {
  const file = join(dir, `${user}.${name}`)
  return existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : []
}
const answeredIn = (dir: string, users: readonly string[]): number =>
  users.reduce((sum, user) => sum + linesOf(dir, user, 'answered').length, 0)
const heardBy = (dir: string, user: string): Heard[] =>
  linesOf(dir, user, 'heard').map((line) => {
    const [from = '', number, seq, message = ''] = line.split(' ')
    return { from, number: Number(number), seq: Number(seq), message }
  })
