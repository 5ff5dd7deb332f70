import { readFileSync } from 'node:fs'
import { Parts } from '../../test/parts.ts'
import type { Run } from '../../test/process.ts'
import { closeAll, type Closable } from '../../shared/shutdown.ts'
import { signToken } from '../../scripts/sign-token.ts'
import { Crowd, pause } from './crowd.ts'
import { inject, type Kind, type Recovery, type Town } from './injector.ts'
import { Ledger, type Violation } from './ledger.ts'
import { openProxy } from './proxy.ts'
import { seeded } from '../random.ts'

export interface FaultPlan {
  seed: number
  /** Faults of each kind. */
  kills: number
  /** Minimum number of commands. */
  commands: number
  kinds: readonly Kind[]
  handlers: number
  devices: number
}

export interface FaultReport {
  counts: Ledger['counts']
  violations: readonly Violation[]
  seconds: number
  recovery: Record<string, Recovery>
  /** Peak memory of the broker, in megabytes. */
  brokerMb: number
}

/** Milliseconds of silence after which unanswered commands count as lost. */
const PATIENCE = 30_000

/**
 * Runs the real processes under load, injects the faults in an order that the seed determines, then checks that every command had exactly
 * one effect and one answer.
 * @param says called with the progress now and then
 */
export async function runFaults(plan: FaultPlan, says: (line: string) => void): Promise<FaultReport> {
  const opened: Closable[] = []
  try {
    const random = seeded(plan.seed)
    const parts = await Parts.open({ LOG_LEVEL: 'error', RETRY_DELAY: '200' })
    opened.push(parts)
    const port = (): number => Number(new URL(parts.url).port)
    const proxies = { handlers: await openProxy(port), devices: await openProxy(port) }
    opened.push(proxies.handlers, proxies.devices)
    const through = { BROKER_URL: `mqtts://127.0.0.1:${proxies.handlers.port}` }
    const handlers = await Promise.all(
      Array.from({ length: plan.handlers }, (): Promise<Run> => parts.startHandlers('contacts', through)),
    )
    const ledger = new Ledger()
    const crowd = await Crowd.open({
      devices: plan.devices,
      url: `mqtts://127.0.0.1:${proxies.devices.port}`,
      ca: parts.ca,
      token: (user) => signToken(user, '7d', parts.env['SECRET']!),
      ledger,
    })
    opened.push(crowd)
    const town: Town = { parts, crowd, ledger, handlers, proxies, random }

    const began = performance.now()
    const left = plan.kinds.flatMap((kind) => Array.from({ length: plan.kills }, () => kind))
    const total = left.length
    const recovery: Record<string, Recovery> = {}
    let brokerMb = 0
    const tell = (): void => {
      brokerMb = Math.max(brokerMb, megabytesOf(parts.broker.pid))
      const { sent, answered, dead } = ledger.counts
      const wrong = ledger.violations.length
      says(
        `${seconds()} s: ${total - left.length}/${total} faults, ${sent} sent, ${answered} answered, ${dead} dead, ${wrong} wrong`,
      )
    }
    const seconds = (): number => Math.round((performance.now() - began) / 1000)
    const telling = setInterval(tell, 5_000)
    opened.push({ close: async () => clearInterval(telling) })

    crowd.ask()
    await pause(1_000)
    while (left.length > 0) {
      const [kind] = left.splice(Math.floor(random() * left.length), 1) as [Kind]
      await inject(kind, town, (recovery[kind] ??= { answered: [], connected: [] }))
      await pause(50 + random() * 300)
    }
    while (ledger.counts.sent < plan.commands) await pause(100)
    await crowd.calm(PATIENCE)
    ledger.closeOpen()
    for (const end = Date.now() + PATIENCE; !ledger.isHeard && Date.now() < end;) await pause(100)
    await pause(500) // repeats
    for (const [asker, listed] of await crowd.lists()) ledger.close(asker, listed)
    tell()
    return { counts: ledger.counts, violations: ledger.violations, seconds: seconds(), recovery, brokerMb }
  } finally {
    await closeAll(opened)
  }
}

function megabytesOf(pid: number): number {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024)
  } catch {
    return 0 // it is being killed
  }
}
