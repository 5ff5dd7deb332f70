import { createHash } from 'node:crypto'
import type { MessageRecord, View } from '../shared/message-chain.ts'
import type { Collection } from '../../shared/store/documents.ts'
import { readingIn } from './reading-in.ts'

/** Messages read at a time: the first will do, unless it was stored by a version without `unheard_by`. */
const PAGE = 3

/** Takes a deleted message's place in the chain: whoever knows the message's id can check it, and it reveals nothing of the content. */
function stub(id: string): string {
  return createHash('sha256').update(id).digest('hex')
}

/** Replaces a deleted message's hash by its stub. Later messages still refer to the old hash: `relinking` mends those. */
export function withoutHash(now: MessageRecord): MessageRecord {
  const hash = stub(now._id)
  const [low, high] = sees(now)
  const views = now.views?.map((view, i) => ([low, high][i] ? { ...view, last: hash } : view))
  return { ...now, hash, was: now.hash, ...(views && { views: views as [View, View] }) }
}

/** Puts the stub of a deleted message into the messages that follow it, then forgets the old hash. May be repeated after a crash. */
export function relinking(messages: Collection<MessageRecord>) {
  const read = readingIn(messages)

  /** The first message after this one that this side sees. */
  async function nextFor(
    side: 0 | 1,
    { conversation, seq, from, to }: MessageRecord,
  ): Promise<MessageRecord | undefined> {
    const other = to === undefined ? undefined : [from, to].toSorted()[1 - side]
    for (let place = seq; ;) {
      const page = await read({ conversation, other }, { place, limit: PAGE, reverse: false })
      const next = page.find((one) => sees(one)[side])
      if (next || page.length < PAGE) return next
      place = page.at(-1)!.seq
    }
  }

  /** The last message of the conversation, which may be one that only its author sees. */
  async function tipOf({ conversation }: MessageRecord): Promise<MessageRecord | undefined> {
    return (await messages.find({ by: 'by_seq', where: { conversation }, limit: 1, reverse: true }))[0]
  }

  return async function relink(gone: MessageRecord): Promise<void> {
    const { _id, hash } = gone
    const link = (id: string, waits: readonly [boolean, boolean]) =>
      messages.change(id, (now) => now && linked(now, hash, waits))
    const seen = sees(gone)
    for (let tip: MessageRecord | undefined; ;) {
      const [low, high] = [seen[0] && (await nextFor(0, gone)), seen[1] && (await nextFor(1, gone))]
      if (low) await link(low._id, [true, high ? high._id === low._id : false])
      if (high && (!low || low._id !== high._id)) await link(high._id, [false, true])
      // A side that sees no later message yet keeps the stub in the last message's view, from which the next message continues.
      const waits = [low === undefined, high === undefined] as const
      const last = waits.includes(true) ? await tipOf(gone) : undefined
      if (!last || last._id === _id || last._id === tip?._id) break
      await link(last._id, waits)
      tip = last
    }
    await messages.change(_id, (now) => {
      if (!now) return undefined
      const { was: _was, ...rest } = now
      return rest
    })
  }
}

/** Which side sees the message: the user whose id sorts first, and the other. In a group everyone sees the same. */
function sees({ from, to, unheard }: MessageRecord): [boolean, boolean] {
  const isLow = to === undefined || from < to
  return [isLow || !unheard, !isLow || !unheard]
}

/** The message with this as its previous hash, for the sides that have seen nothing in between. */
function linked(now: MessageRecord, hash: string, waits: readonly [boolean, boolean]): MessageRecord {
  const { from, to, views } = now
  const seen = sees(now)
  const author = to === undefined || from < to ? 0 : 1
  const prev_hash = waits[author] ? hash : now.prev_hash
  if (!views) return { ...now, prev_hash }
  const relinked = views.map((view, i) => (waits[i] ? { prev: hash, last: seen[i] ? view.last : hash } : view)) as [
    View,
    View,
  ]
  return { ...now, prev_hash, views: relinked }
}
