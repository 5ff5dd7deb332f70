import { seeded } from '../../random.ts'
import { pause } from '../crowd.ts'
import { answeredBy, bookOf, hasHeard } from './app-books.ts'
import { AppTown } from './app-town.ts'

export const APP_FAULTS = ['app', 'broker', 'handler', 'cut', 'hole', 'sleep', 'move', 'clock', 'full'] as const
export type AppFault = (typeof APP_FAULTS)[number]

export interface AppFaultPlan {
  seed: number
  /** App processes; each sends to the next. */
  apps: number
  /** Messages of each. */
  messages: number
  /** Faults of each kind. */
  faults: number
  kinds?: readonly AppFault[]
  /** Milliseconds for which an app sleeps, at most. */
  sleep?: number
}

export interface AppFaultReport {
  done: Partial<Record<AppFault, number>>
  violations: string[]
  calls: number
  /** Events that a process passed again because it was killed before it had noted them. */
  passedAgain: number
  /** How many messages were fetched after each `reset`. */
  resets: number[]
  uncertain: number
  seconds: number
}

/** Milliseconds between two faults, at most. */
const CALM = 1_500
const PATIENCE = 180_000
/** Milliseconds after which the next fault comes, however little has been answered since the last. */
const SHARE = 20_000
const HOUR = 3_600_000

interface Scene {
  town: AppTown
  plan: AppFaultPlan
  random: () => number
  /** The user whom it hits, if it hits one. */
  user: string
}

const FAULTS: Record<AppFault, (scene: Scene) => Promise<void>> = {
  async app({ town, plan, user }) {
    const app = town.apps.get(user)!
    app.kill('SIGKILL')
    await app.ended
    town.sent.delete(user)
    town.start(user, plan.messages)
  },
  async broker({ town }) {
    await town.parts.killBroker()
    await town.parts.startBroker()
  },
  async handler({ town }) {
    town.handlers.kill('SIGKILL')
    await town.handlers.ended
    town.handlers = await town.parts.startHandlers('messaging')
  },
  async cut({ town }) {
    for (const network of town.networks.values()) network.cut()
  },
  async hole({ town, random }) {
    for (const network of town.networks.values()) network.blackhole(true)
    await pause(random() * 6_000)
    for (const network of town.networks.values()) {
      network.blackhole(false)
      network.cut()
    }
  },
  /** A phone in a pocket: the app stands still, and its connection is dead when it wakes. */
  async sleep({ town, plan, user, random }) {
    const app = town.apps.get(user)!
    app.kill('SIGSTOP')
    town.networks.get(user)!.strand()
    await pause((plan.sleep ?? 6_000) * (plan.sleep ? 1 : random()))
    app.kill('SIGCONT')
  },
  move: ({ town, user }) => town.networks.get(user)!.move(),
  async clock({ town, user, random }) {
    town.apps.get(user)!.child.send({ clock: [-HOUR, 0, HOUR][Math.floor(random() * 3)] })
  },
  async full({ town, user, random }) {
    const { child } = town.apps.get(user)!
    child.send({ full: true })
    await pause(random() * 3_000)
    child.send({ full: false })
  },
}

/**
 * Runs apps that know only `call` and `on` while everything around them is killed, then compares what each has heard with what was sent
 * to it: every message once, in order.
 */
export async function runAppFaults(plan: AppFaultPlan, says: (line: string) => void): Promise<AppFaultReport> {
  const random = seeded(plan.seed)
  const began = performance.now()
  const town = await AppTown.open(plan.apps)
  try {
    const { users } = town
    const { dir } = town.parts
    for (const user of users) town.start(user, plan.messages)
    const answered = (): number => users.reduce((sum, user) => sum + answeredBy(dir, user), 0)
    const heard = (): number => users.reduce((sum, user) => sum + hasHeard(dir, user), 0)
    const done: AppFaultReport['done'] = {}
    const left = (plan.kinds ?? APP_FAULTS).flatMap((kind) => Array.from({ length: plan.faults }, () => kind))
    const [total, calls] = [left.length, plan.apps * plan.messages]
    await pause(2_000)
    while (left.length > 0) {
      const [kind] = left.splice(Math.floor(random() * left.length), 1) as [AppFault]
      await FAULTS[kind]({ town, plan, random, user: users[Math.floor(random() * users.length)]! })
      done[kind] = (done[kind] ?? 0) + 1
      says(`${left.length} faults left, last: ${kind}; ${answered()} of ${calls} answered`)
      await pause(random() * CALM)
      // The calls are spread over the faults.
      const share = (calls * (total - left.length)) / (total + 1)
      for (const late = performance.now() + SHARE; answered() < share && performance.now() < late;) await pause(100)
    }
    const isDone = (): boolean => town.sent.size === users.length && heard() >= calls
    let last = -1
    for (let late = performance.now() + PATIENCE; !isDone() && performance.now() < late; await pause(1_000)) {
      const progress = answered() + heard()
      if (progress !== last) late = performance.now() + PATIENCE
      last = progress
    }
    await pause(1_000) // what comes twice
    const books = users.map((user) => bookOf(dir, user, town.before(user), plan.messages))
    return {
      done,
      violations: [...town.ended, ...books.flatMap(({ violations }) => violations)],
      calls: answered(),
      passedAgain: books.reduce((sum, { again }) => sum + again, 0),
      resets: books.flatMap(({ resets }) => resets),
      uncertain: books.reduce((sum, { uncertain }) => sum + uncertain, 0),
      seconds: Math.round((performance.now() - began) / 1000),
    }
  } finally {
    await town.close()
  }
}
