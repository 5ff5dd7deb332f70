import { createHash } from 'node:crypto'
import type { MessageRecord, View } from '../../shared/people/messages.ts'
import type { Collection } from '../../shared/store/documents.ts'

/** Messages looked at at a time. */
const PAGE = 50

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
  return async function relink({ _id, conversation, seq, hash, ...gone }: MessageRecord): Promise<void> {
    let waits = sees({ ...gone, _id, conversation, seq, hash })
    for (let place = seq; waits.includes(true);) {
      const after = { _id: '\u{10ffff}', seq: place }
      const page = await messages.find({ by: 'by_seq', where: { conversation }, after, limit: PAGE })
      for (const one of page) {
        if (!waits.includes(true)) break
        const still = waits
        await messages.change(one._id, (now) => now && linked(now, hash, still))
        const seen = sees(one)
        waits = [waits[0] && !seen[0], waits[1] && !seen[1]]
      }
      if (page.length < PAGE) break
      place = page.at(-1)!.seq
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
