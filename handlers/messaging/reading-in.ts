import type { MessageRecord } from '../shared/message-chain.ts'
import type { Collection } from '../../shared/store/documents.ts'
import type { UserId } from '../../shared/wire/user-id.ts'

/** A conversation as one user reads it. `other` is the other user in a conversation of two. */
export interface Reading {
  readonly conversation: string
  readonly other: UserId | undefined
}

/** Which messages: after a place, or from one end. */
interface From {
  readonly place?: number | undefined
  readonly limit: number
  readonly reverse: boolean
}

/**
 * Finds messages in the order of their places. Skips those that the other user wrote while the reader blocked them, of which
 * there may be thousands; messages stored by versions without `unheard_by` are not skipped.
 */
export function readingIn(messages: Collection<MessageRecord>) {
  return async ({ conversation, other }: Reading, { place, limit, reverse }: From): Promise<MessageRecord[]> => {
    const at = { ...(place !== undefined && { beyond: { seq: place } }), limit, reverse }
    if (other === undefined) return messages.find({ by: 'by_seq', where: { conversation }, ...at })
    const pages = await Promise.all(
      [null, other].map((unheard_by) =>
        messages.find({ by: 'by_unheard', where: { conversation, unheard_by }, ...at }),
      ),
    )
    const found = pages.flat().toSorted((a, b) => (reverse ? b.seq - a.seq : a.seq - b.seq))
    return found.slice(0, limit)
  }
}
