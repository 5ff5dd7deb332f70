import type { CollectionSpec, Document, Store } from '../../../shared/store/documents.ts'
import type { Done } from '../../../shared/wire/done.ts'
import { userIdOf, type UserId } from '../../../shared/wire/user-id.ts'
import type { Play } from '../catalogue.ts'

/** Something that one user can pile up, and the commands that read it. */
export interface Pile {
  readonly what: string
  /** The most that its own limit allows, less room for what the commands add. */
  readonly most?: number
  readonly settings?: Readonly<Record<string, string>>
  /** Stores a pile of this size. Resolves with a call of each command, by its name, or `name, variant`. */
  fill(place: Place): Promise<Record<string, Ask>>
}

/** A store for a pile of one size, with users of its own. */
export interface Place {
  readonly store: Store
  readonly play: Play
  readonly size: number
  /** The owner of the pile. */
  readonly me: UserId
  /** The others. Half of their ids sort before that of `me`. */
  readonly other: (i: number) => UserId
  /** Users unrelated to the pile. */
  readonly stranger: (i: number) => UserId
  readonly insert: (into: CollectionSpec, docs: readonly Document[]) => Promise<void>
}

export interface Call {
  readonly user: UserId
  readonly input: object
  /** Prepares the call; not measured. */
  readonly first?: readonly (readonly [user: UserId, command: string, input: object])[]
  /** Called with the result. */
  readonly ended?: (end: Done) => void
}
/** The call to measure. */
export type Ask = (i: number) => Call | Promise<Call>

/** Calls of each command on one pile, at most; the pile's limit leaves room for them. */
export const MAX_SAMPLES = 30
/** Inserts at a time, to fill a store. */
const AT_ONCE = 200

export function openPlace(store: Store, play: Play, what: string, size: number): Place {
  const world = `${what.replaceAll(/[^a-z]+/g, '-')}-${size}`
  return {
    store,
    play,
    size,
    me: userIdOf(`m-${world}`),
    other: (i) => userIdOf(`${i % 2 ? 'z' : 'a'}-${world}-${i}`),
    stranger: (i) => userIdOf(`s-${world}-${i}`),
    async insert(spec, docs) {
      const into = store.collection(spec)
      for (let i = 0; i < docs.length; i += AT_ONCE) await into.insertMany(docs.slice(i, i + AT_ONCE))
    },
  }
}

export function times<T>(count: number, make: (i: number) => T): T[] {
  return Array.from({ length: count }, (_, i) => make(i))
}

/** A call that the same user makes each time. */
export const by =
  (user: UserId, input: (i: number) => object = () => ({})): Ask =>
  (i) => ({ user, input: input(i) })

/** The answer to a command. @throws {Error} when it was refused */
export function answerOf(end: Done): Readonly<Record<string, unknown>> {
  const answer = end.outcome === 'done' ? end.events[0] : undefined
  if (!answer) throw new Error(`a command of the pile has no answer: ${end.outcome}`)
  return answer.fields
}
