import { conversations, type MessageRecord } from '../shared/message-chain.ts'
import type { CommandRef, HandlerSettings } from '../../shared/runtime/command.ts'
import type { Document, Store } from '../../shared/store/documents.ts'
import { refuse } from '../../shared/wire/refusal.ts'
import { MAX_BEGUN } from '../../shared/wire/stamp.ts'
import type { UserId } from '../../shared/wire/user-id.ts'
import { maySee, roomsOf, type Target } from './rooms-of.ts'

/** One message has reached one user: the first command of theirs that said so. */
interface DeliveryDocument extends Document {
  readonly command: string
}

/** How far a user has read. `recent`: the last commands that moved it, each with the place before, so that a redelivered one has the same effects. */
interface ReadDocument extends Document {
  readonly up_to: number
  readonly recent: readonly { readonly id: string; readonly from: number }[]
}

/** Which receipts a user lets others have. */
interface PrivacyDocument extends Document {
  readonly delivered: boolean
  readonly read: boolean
  readonly order: number
}

export type Privacy = Pick<PrivacyDocument, 'delivered' | 'read'>

/** At most this many newly read messages, the last ones, have their authors told. */
const MAX_READ = 100

/** Stores which messages have reached whom, and how far each user has read. An author hears of it only if the reader allows it. */
export function receiptBook(store: Store, settings: HandlerSettings) {
  const { messages, lastSeq } = conversations(store)
  const deliveries = store.collection<DeliveryDocument>({ name: 'message_deliveries' })
  const reads = store.collection<ReadDocument>({ name: 'message_reads' })
  const privacy = store.collection<PrivacyDocument>({ name: 'message_privacy' })
  const rooms = roomsOf(store, settings)

  async function hears(author: UserId, user: UserId, what: keyof Privacy): Promise<boolean> {
    return ((await privacy.get(user))?.[what] ?? true) && (await rooms.hears(author, user))
  }

  /** The authors of the newly read messages, except the reader. */
  async function authorsOf(conversation: string, user: UserId, from: number, upTo: number): Promise<Set<UserId>> {
    const after = { _id: '', seq: upTo + 1 }
    const query = { by: 'by_seq', where: { conversation }, after, limit: MAX_READ, reverse: true }
    const read = (await messages.find(query)).filter((one) => one.seq > from && maySee(user, one) && !one.system)
    return new Set(read.map((one) => one.from).filter((author) => author !== user))
  }

  /** Is this the command that acknowledged each of them first, now or in an earlier attempt? */
  async function areFirst(ids: readonly string[], { id: command }: CommandRef): Promise<boolean[]> {
    const areNew = await deliveries.insertMany(ids.map((_id) => ({ _id, command })))
    const before = await deliveries.getMany(ids.filter((_, i) => !areNew[i]))
    return ids.map((_id, i) => areNew[i]! || before.get(_id)?.command === command)
  }

  return {
    /** Records that messages have reached `user`. Resolves with those meant for them, and with the news for each author. */
    async acknowledge(user: UserId, ids: readonly string[], command: CommandRef) {
      const isTheirs = rooms.seenBy(user)
      const mine: MessageRecord[] = []
      const found = await messages.getMany([...new Set(ids)])
      for (const id of new Set(ids)) {
        const one = found.get(id)
        if (one && one.from !== user && (await isTheirs(one))) mine.push(one)
      }
      const areNews = await areFirst(
        mine.map(({ _id }) => `${_id} ${user}`),
        command,
      )
      const news = new Map<UserId, string[]>()
      const hearing = new Map<UserId, boolean>()
      for (const [i, { _id, from, system }] of mine.entries()) {
        if (!areNews[i] || system) continue
        if (!hearing.has(from)) hearing.set(from, await hears(from, user, 'delivered'))
        if (hearing.get(from)) news.set(from, [...(news.get(from) ?? []), _id])
      }
      if (mine.length === 0) throw refuse('not_found')
      return { mine: mine.map(({ _id }) => _id), news }
    },

    /** Records how far `user` has read. Resolves with the authors who hear of it; the same on redelivery. */
    async read(user: UserId, target: Target, upTo: number, command: CommandRef): Promise<UserId[]> {
      const { conversation } = await rooms.open(user, target)
      if (upTo > (await lastSeq(conversation))) throw refuse('not_found', { up_to: 'is after the last message' })
      const _id = `${user} ${conversation}`
      const after = await reads.change(_id, (now) =>
        now && now.up_to >= upTo
          ? now
          : {
              _id,
              up_to: upTo,
              recent: [...(now?.recent ?? []), { id: command.id, from: now?.up_to ?? 0 }].slice(-MAX_BEGUN),
            },
      )
      const news = after!.recent.find(({ id }) => id === command.id)
      if (!news) return []
      const hearing: UserId[] = []
      for (const author of await authorsOf(conversation, user, news.from, upTo)) {
        if (await hears(author, user, 'read')) hearing.push(author)
      }
      return hearing
    },

    /** Sets which receipts others get from now on. A kind that is left out stays as it is. */
    async setPrivacy(
      user: UserId,
      said: { [K in keyof Privacy]?: boolean | undefined },
      command: CommandRef,
    ): Promise<Privacy> {
      const after = await privacy.change(user, (now) => {
        if (now && now.order >= command.order) return now
        const { delivered = now?.delivered ?? true, read = now?.read ?? true } = said
        return { _id: user, delivered, read, order: command.order }
      })
      return { delivered: after!.delivered, read: after!.read }
    },
  }
}
