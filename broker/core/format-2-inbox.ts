import type { EventName } from '../../shared/wire/topic.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import { Reader, Writer, type Codec } from '../storage/record.ts'

/** An inbox event in format 2. */
export interface InboxEvent {
  to: readonly UserId[]
  numbers: readonly number[]
  event: EventName
  body: Buffer
  /** When it was kept, in milliseconds since 1970. */
  at: number
}

const VERSION = 1
const writer = new Writer()

// number at, text event, count of receivers, of each: text user, count number; bytes body
export const inboxRecord: Codec<InboxEvent> = {
  holds: 'an event that its receivers could have asked for',

  encode({ to, numbers, event, body, at }) {
    writer.begin(VERSION)
    writer.number(at)
    writer.text(event)
    writer.count(to.length)
    for (let i = 0; i < to.length; i++) {
      writer.text(to[i]!)
      writer.count(numbers[i]!)
    }
    writer.bytes(body)
    return writer.end()
  },

  decode(bytes) {
    const reader = new Reader(bytes, VERSION)
    const [at, event] = [reader.number(), reader.text()]
    const to: UserId[] = []
    const numbers: number[] = []
    for (let left = reader.count(); left > 0; left--) {
      to.push(reader.text() as UserId)
      numbers.push(reader.count())
    }
    return { to, numbers, event, body: reader.bytes(), at }
  },
}
