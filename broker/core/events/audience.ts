/** Which connections subscribe to which event topics. */
export class Audience {
  readonly #connections = new Map<string, Set<number>>()
  readonly #topics = new Map<number, Set<string>>()

  add(connection: number, topic: string): void {
    addTo(this.#connections, topic, connection)
    addTo(this.#topics, connection, topic)
  }

  remove(connection: number, topic: string): void {
    removeFrom(this.#connections, topic, connection)
    removeFrom(this.#topics, connection, topic)
  }

  went(connection: number): void {
    for (const topic of this.#topics.get(connection) ?? []) removeFrom(this.#connections, topic, connection)
    this.#topics.delete(connection)
  }

  has(topic: string): boolean {
    return this.#connections.has(topic)
  }

  of(topic: string): readonly number[] {
    return [...(this.#connections.get(topic) ?? [])]
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
