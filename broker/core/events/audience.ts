import { splitEventTopic } from '../../../shared/wire/topic.ts'

const NOBODY: ReadonlySet<number> = new Set()

/** Which connections subscribe to which events of which users. */
export class Audience {
  /** By user and event, their connections. */
  readonly #connections = new Map<string, Map<string, Set<number>>>()
  /** By connection, its topics. */
  readonly #topics = new Map<number, Set<string>>()

  add(connection: number, topic: string): void {
    const { user, event } = splitEventTopic(topic)
    const events = this.#connections.get(user) ?? new Map<string, Set<number>>()
    this.#connections.set(user, events)
    addTo(events, event, connection)
    addTo(this.#topics, connection, topic)
  }

  remove(connection: number, topic: string): void {
    this.#remove(connection, topic)
    removeFrom(this.#topics, connection, topic)
  }

  removeConnection(connection: number): void {
    for (const topic of this.#topics.get(connection) ?? []) this.#remove(connection, topic)
    this.#topics.delete(connection)
  }

  has(user: string, event: string): boolean {
    return this.#connections.get(user)?.has(event) ?? false
  }

  of(user: string, event: string): readonly number[] {
    return [...(this.#connections.get(user)?.get(event) ?? NOBODY)]
  }

  #remove(connection: number, topic: string): void {
    const { user, event } = splitEventTopic(topic)
    const events = this.#connections.get(user)
    if (!events) return
    removeFrom(events, event, connection)
    if (events.size === 0) this.#connections.delete(user)
  }
}

function addTo<Key, Value>(sets: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const set = sets.get(key)
  if (set) set.add(value)
  else sets.set(key, new Set([value]))
}

function removeFrom<Key, Value>(sets: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const set = sets.get(key)
  if (set?.delete(value) && set.size === 0) sets.delete(key)
}
