import { deserialize, serialize } from 'node:v8'

// Carry what one half of the broker says to the other as bytes, as between processes: what is no plain data fails, and no object is
// both halves'.

/** Each message at once. */
export function carried<Message>(send: (message: Message) => void): (message: Message) => void {
  return (message) => send(deserialize(serialize(message)) as Message)
}

/** The messages of one turn of the event loop together, in the next. */
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
