import { createHash } from 'node:crypto'
import type { MessageRecord, View } from '../shared/message-chain.ts'
import type { Collection } from '../../shared/store/documents.ts'
import { readingIn } from './reading-in.ts'

/** Messages looked at at a time: the first will do, unless it was stored before `unheard_by` was. */
const PAGE = 3

/** What stands in the chain for a message that is deleted: whoever knows that one can check it, and it tells nothing of the content. */
function stub(id: string): string {
  return createHash('sha256').update(id).digest('hex')
}

/** A message whose hash is gone with its content. Those behind it still bear it: `relinking` goes on from here. */
export function withoutHash(now: MessageRecord): MessageRecord {
  const hash = stub(now._id)
  const [low, high] = sees(now)
  const views = now.views?.map((view, i) => ([low, high][i] ? { ...view, last: hash } : view))
  return { ...now, hash, was: now.hash, ...(views && { views: views as [View, View] }) }
}

/** Puts what stands for a deleted message into those behind it, and forgets what it was. Comes to the same however often it is begun. */
export function relinking(messages: Collection<MessageRecord>) {
  const read = readingIn(messages)

  /** The first message behind this one that this side sees. */
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

  /** The last message of all, which may be one that only its author sees. */
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
      // Who sees nothing behind it yet is told of it by the last message, whoever sees that: the next one goes by it.
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

/** Which of the two sees it, the one whose id sorts first and the other: of a group's messages, all see the same. */
function sees({ from, to, unheard }: MessageRecord): [boolean, boolean] {
  const isLow = to === undefined || from < to
  return [isLow || !unheard, !isLow || !unheard]
}

/** A message with this as the hash before it, for those who have seen nothing in between. */
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
