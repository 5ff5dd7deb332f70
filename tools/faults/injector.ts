import type { Parts } from '../../test/parts.ts'
import type { Run } from '../../test/process.ts'
import { pause, type Crowd } from './crowd.ts'
import type { Ledger } from './ledger.ts'
import type { Proxy } from './proxy.ts'

export const KINDS = ['handler', 'broker', 'freeze', 'cut', 'restart'] as const
export type Kind = (typeof KINDS)[number]

/** Milliseconds after a fault within which everything in flight must be answered. */
const PATIENCE = 60_000

export interface Town {
  parts: Parts
  crowd: Crowd
  ledger: Ledger
  handlers: Run[]
  /** The networks between the handlers and the broker, and between the devices and the broker. */
  proxies: { handlers: Proxy; devices: Proxy }
  random: () => number
}

/** Recovery times after each fault of a kind, in milliseconds. */
export interface Recovery {
  /** Until everything that was unanswered at the fault was answered. */
  answered: number[]
  /** Until every device was connected again. */
  connected: number[]
}

/** Injects one fault, waits until it is over and everything in flight is answered, and notes how long that took. */
export async function inject(kind: Kind, town: Town, recovery: Recovery): Promise<void> {
  const { ledger, crowd } = town
  const before = new Set(ledger.open.keys())
  const began = performance.now()
  const mended = FAULTS[kind](town)
  const answered = until(() => [...before].every((id) => !ledger.open.has(id))).then(() =>
    recovery.answered.push(performance.now() - began),
  )
  await mended
  const connected = until(() => crowd.connected === crowd.size).then(() =>
    recovery.connected.push(performance.now() - began),
  )
  await Promise.all([answered, connected])
}

const FAULTS: Record<Kind, (town: Town) => Promise<void>> = {
  async handler(town) {
    const victim = pick(town, town.handlers)
    victim.kill('SIGKILL')
    await victim.ended
    await replace(town, victim)
  },
  async broker({ parts }) {
    await parts.killBroker()
    await parts.startBroker()
  },
  async freeze(town) {
    const victim = pick(town, town.handlers)
    victim.kill('SIGSTOP')
    // Mostly short; now and then longer than the broker waits for a sign of life.
    await pause(town.random() < 0.8 ? between(town, 200, 3_000) : between(town, 8_000, 14_000))
    victim.kill('SIGCONT')
  },
  async cut(town) {
    const proxy = town.random() < 0.5 ? town.proxies.handlers : town.proxies.devices
    if (town.random() < 0.6) return proxy.cut()
    proxy.blackhole(true)
    await pause(town.random() < 0.7 ? between(town, 100, 2_000) : between(town, 8_000, 12_000))
    proxy.blackhole(false)
    proxy.cut() // the lost bytes break the streams anyway
  },
  async restart(town) {
    if (town.random() < 0.3) {
      town.parts.broker.kill('SIGTERM')
      await town.parts.broker.ended
      await town.parts.startBroker()
      return
    }
    const victim = pick(town, town.handlers)
    victim.kill('SIGTERM')
    await victim.ended
    await replace(town, victim)
  },
}

async function replace({ parts, handlers, proxies }: Town, gone: Run): Promise<void> {
  const url = `mqtts://127.0.0.1:${proxies.handlers.port}`
  handlers[handlers.indexOf(gone)] = await parts.startHandlers('contacts', { BROKER_URL: url })
}

function pick<T>({ random }: Town, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!
}

function between({ random }: Town, low: number, high: number): number {
  return low + random() * (high - low)
}

/** Polls a condition; resolves when it holds or time is up. The ledger then says what is missing. */
async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE
  while (!isSo() && performance.now() < end) await pause(10)
}
