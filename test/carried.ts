import { deserialize, serialize } from 'node:v8'

/**
 * Carries each message from one half of the broker to the other as bytes, as between processes: what is no plain data fails, and
 * no object is both halves'.
 */
export function carried<Message>(send: (message: Message) => void): (message: Message) => void {
  return (message) => send(deserialize(serialize(message)) as Message)
}
