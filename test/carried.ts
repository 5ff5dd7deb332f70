import { deserialize, serialize } from 'node:v8'

// Ways to carry messages between the halves of the broker as bytes, as between processes: anything but plain data fails, and no object is
// shared.

/** Carries each message at once. */
export function carried<Message>(send: (message: Message) => void): (message: Message) => void {
  return (message) => send(deserialize(serialize(message)) as Message)
}

/** Carries the messages of one turn of the event loop together, in the next turn. */
export function carriedLater<Message>(send: (message: Message) => void): (message: Message) => void {
  let batch: Buffer[] = []
  return (message) => {
    if (batch.push(serialize(message)) > 1) return
    setImmediate(() => {
      const all = batch
      batch = []
      for (const one of all) send(deserialize(one) as Message)
    })
  }
}
