import mqemitter from 'mqemitter'

/** Aedes' emitter, which knows how often it has emitted and who listens. */
export interface CountingEmitter extends mqemitter.MQEmitter {
  emits: number
  /** Tells whether anyone listens to exactly this topic. */
  isHeard(topic: string): boolean
}

/**
 * It removes listeners at once: mqemitter does so a turn later, and Aedes then takes away, with the old subscription, a new one of
 * the same topic that came in between, whose listener stays for good.
 *
 * Without a limit on concurrent emits, and done when every subscriber was called: Aedes would wait until each has drained, so
 * one frozen subscriber would stall everybody. What waits for a subscriber is bounded where it is forwarded.
 */
export function countingEmitter(): CountingEmitter {
  const listeners = new Map<string, number>()
  const isHeard = (topic: string): boolean => listeners.has(topic)
  const emitter = Object.assign(mqemitter({ concurrency: 0 }), { emits: 0, isHeard })
  const emit = emitter.emit.bind(emitter)
  const on = emitter.on.bind(emitter)
  const { _matcher: matcher } = emitter as unknown as { _matcher: { remove(topic: string, listener: unknown): void } }
  emitter.on = (topic, listener, done) => {
    listeners.set(topic, (listeners.get(topic) ?? 0) + 1)
    on(topic, listener, done)
    return emitter
  }
  emitter.removeListener = (topic, listener, done) => {
    const left = (listeners.get(topic) ?? 1) - 1
    if (left > 0) listeners.set(topic, left)
    else listeners.delete(topic)
    matcher.remove(topic, listener)
    done?.()
  }
  emitter.emit = (message, done) => {
    emitter.emits++
    emit(message)
    done?.()
  }
  return emitter
}

/**
 * A client's `duplicates`, as Aedes reads and writes it to deliver a packet once to overlapping subscriptions. Aedes
 * remembers the highest counter for good, so a packet that another overtakes in an asynchronous persistence counts as a
 * duplicate and is lost. Subscriptions of one emit are called synchronously: remembering within one emit is enough.
 */
export function duplicatesWithinOneEmit(emitter: CountingEmitter): Record<string, number> {
  let during = -1
  let counter = 0
  return new Proxy<Record<string, number>>(Object.create(null), {
    get: () => (during === emitter.emits ? counter : 0),
    set: (_target, _broker, value: number) => {
      during = emitter.emits
      counter = value
      return true
    },
  })
}
