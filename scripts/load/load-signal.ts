import type { MqttClient } from 'mqtt'
import { latencies, openDevice, pause, row, watching, type Latencies } from './measure.ts'
import { userTargets, type UserTarget } from './targets.ts'

export interface SignalLoad {
  /** Couples, of whom one signals to the other. */
  pairs: number
  /** Milliseconds between two signals of a couple; the platform lets one receiver have one in 100. */
  every: number
  /** Couples with which the climb ends. */
  most: number
  qos: 0 | 1
  seconds: number
}

interface Figures extends Latencies {
  perSecond: number
  /** Sent while it was measured, and not received a while after it. */
  lost: number
}

const WARM_UP = 2_000
/** Milliseconds that the last signals have to arrive. */
const PATIENCE = 2_000
/**
 * The climb: couples at first, milliseconds between two signals of a couple, and the p99 in milliseconds at which it ends. A
 * receiver's pace counts from when its last signal was stored, so that 110 is more than it takes: a line would form and grow.
 */
const [FIRST, CLIMB_EVERY, MOST_P99] = [100, 125, 100]

/** Signals between two, from publish to receipt on the other's device: of so many couples; then of ever more. */
export async function loadSignal(load: SignalLoad, handlers: number, only?: string): Promise<void> {
  const out = (text: string): unknown => process.stdout.write(text)
  const groups = Array.from({ length: handlers }, () => 'signaling')
  for (const open of userTargets(groups, './plain-signal.ts', only)) {
    const target = await open()
    if (!target) {
      out('mosquitto is not installed here: not compared\n')
      continue
    }
    const couples = new Couples(target, load.qos)
    const measured = async (pairs: number, every: number): Promise<Figures> => {
      await couples.grow(pairs)
      const figures = await watching(target.pid, () => couples.signal(pairs, every, load.seconds))
      const { perSecond, p50, p95, p99, lost, cpu, rss } = figures
      out(row(`${pairs} pairs`, [every, (1_000 * pairs) / every, perSecond, p50, p95, p99, lost, cpu, rss]))
      return figures
    }
    try {
      const heads = ['every ms', 'asked/s', 'signals/s', 'p50 ms', 'p95 ms', 'p99 ms', 'lost', 'CPU %', 'MB']
      out(row(target.name, heads))
      await measured(load.pairs, load.every)
      let highest = 0
      for (let pairs = FIRST; pairs <= load.most; pairs *= 2) {
        const { p99, lost } = await measured(pairs, CLIMB_EVERY)
        if (!(p99 < MOST_P99) || lost > 0) break
        highest = pairs
      }
      out(`${target.name}: up to ${highest} pairs have a p99 below ${MOST_P99} ms\n`)
    } finally {
      await couples.close()
      await target.close()
    }
  }
}

/** Users in pairs; the first of each sends, the other hears. */
class Couples {
  readonly #target: UserTarget
  readonly #qos: 0 | 1
  readonly #senders: MqttClient[] = []
  readonly #receivers: MqttClient[] = []
  /** What is on its way: since when. */
  readonly #sent = new Map<string, number>()
  #measured: number[] = []
  #serial = 0

  constructor(target: UserTarget, qos: 0 | 1) {
    this.#target = target
    this.#qos = qos
  }

  /** Connects as many as are missing. */
  async grow(pairs: number): Promise<void> {
    while (this.#senders.length < pairs) {
      const first = this.#senders.length
      const some = Array.from({ length: Math.min(50, pairs - first) }, (_, i) => first + i)
      const opened = await Promise.all(some.map((i) => Promise.all([this.#open(i, 'one'), this.#open(i, 'other')])))
      for (const [sender, receiver] of opened) {
        receiver.on('message', (_topic, payload) => this.#receive(payload))
        this.#senders.push(sender)
        this.#receivers.push(receiver)
      }
    }
  }

  async signal(pairs: number, every: number, seconds: number): Promise<Figures> {
    const timers: NodeJS.Timeout[] = []
    for (let i = 0; i < pairs; i++) {
      const begin = (): void => void (timers[i] = setInterval(() => this.#send(i), every))
      timers[i] = setTimeout(begin, (i * every) / pairs) // not all at once
    }
    await pause(WARM_UP)
    const from = this.#serial
    this.#measured = []
    const began = performance.now()
    await pause(seconds * 1_000)
    const took = (performance.now() - began) / 1_000
    const measured = this.#measured
    this.#measured = []
    for (const timer of timers) clearInterval(timer)
    const late = performance.now() + PATIENCE
    while (this.#sent.size > 0 && performance.now() < late) await pause(10)
    const lost = [...this.#sent.keys()].filter((serial) => Number(serial) >= from).length
    this.#sent.clear()
    return { perSecond: measured.length / took, ...latencies(measured), lost }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#senders, ...this.#receivers].map((client) => client.endAsync(true)))
  }

  #open(i: number, who: string): Promise<MqttClient> {
    const user = `${who}${i}`
    return openDevice(this.#target.url, this.#target.login(user), this.#target.hears(user, 'signal'))
  }

  #send(i: number): void {
    const serial = String(this.#serial++)
    const candidate = 'candidate:1 1 udp 2113937151 192.0.2.1 50000 typ host generation 0 network-cost 999'
    const body = { candidate, sdpMid: '0', sdpMLineIndex: 0, usernameFragment: serial }
    this.#sent.set(serial, performance.now())
    const signal = JSON.stringify({ target: `other${i}`, type: 'candidate', body })
    this.#senders[i]!.publish(this.#target.topicOf(`one${i}`, 'signal'), signal, { qos: this.#qos })
  }

  #receive(payload: Buffer): void {
    const { body } = JSON.parse(payload.toString()) as { body: { usernameFragment: string } }
    const since = this.#sent.get(body.usernameFragment)
    if (since === undefined) return
    this.#sent.delete(body.usernameFragment)
    this.#measured.push(performance.now() - since)
  }
}
