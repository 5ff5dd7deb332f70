import { ByAge } from './by-age.ts'

/** An event that several users share; its record goes when the last of them lets it go. */
export interface Sharing {
  users: number
  readonly bytes: number
}

/** One event that one user holds: in their inbox, in queues of their sessions, or both. */
export class Held {
  readonly key: number
  /** Bytes that count towards its user, without the references to it. */
  readonly bytes: number
  readonly box: Box
  readonly isFromStranger: boolean
  readonly sharing: Sharing | undefined
  /** Its number in the inbox while it is there, otherwise 0. */
  number = 0
  /** How often it is held: by the inbox, and by each session once per topic. */
  references = 0

  constructor(key: number, bytes: number, box: Box, isFromStranger: boolean, sharing: Sharing | undefined) {
    this.key = key
    this.bytes = bytes
    this.box = box
    this.isFromStranger = isFromStranger
    this.sharing = sharing
  }
}

/** All events that one user holds. */
export class Box {
  readonly user: string
  bytes = 0
  level = 0
  /** The range of bytes of its level. */
  from = 0
  to = 1
  readonly #all = new ByAge<Held>(isOver)
  #strangers: ByAge<Held> | undefined

  constructor(user: string) {
    this.user = user
  }

  get count(): number {
    return this.#all.count
  }

  /** The event that is dropped first: the oldest that a stranger has caused, otherwise the oldest. */
  get first(): Held | undefined {
    return this.#strangers?.oldest ?? this.#all.oldest
  }

  add(held: Held): void {
    this.bytes += held.bytes
    this.#all.add(held)
    if (held.isFromStranger) (this.#strangers ??= new ByAge(isOver)).add(held)
  }

  ended(held: Held): void {
    this.bytes -= held.bytes
    this.#all.ended()
    if (held.isFromStranger) this.#strangers?.ended()
  }
}

function isOver({ references }: Held): boolean {
  return references === 0
}

/** Levels per doubling of a box's bytes. */
const FINENESS = 8

/** The boxes of all users; knows which holds the most. */
export class Boxes {
  readonly #boxes = new Map<string, Box>()
  /** Boxes that hold about the same, by level. */
  readonly #levels: (Set<Box> | undefined)[] = []

  of(user: string): Box {
    let box = this.#boxes.get(user)
    if (!box) this.#boxes.set(user, (box = new Box(user)))
    return box
  }

  bytesOf(user: string): number {
    return this.#boxes.get(user)?.bytes ?? 0
  }

  /** A box that holds the most, within a tenth. */
  get fullest(): Box | undefined {
    for (let level = this.#levels.length - 1; level > 0; level--) {
      for (const box of this.#levels[level] ?? []) return box
    }
    return undefined
  }

  /** Updates the level of a box whose bytes have changed. */
  settle(box: Box): void {
    if (box.bytes >= box.from && box.bytes < box.to) return
    const level = box.bytes > 0 ? 1 + Math.floor(Math.log2(box.bytes) * FINENESS) : 0
    this.#levels[box.level]?.delete(box)
    box.level = level
    box.from = level > 0 ? 2 ** ((level - 1) / FINENESS) : 0
    box.to = level > 0 ? 2 ** (level / FINENESS) : 1
    if (level > 0) (this.#levels[level] ??= new Set()).add(box)
    else if (this.#boxes.get(box.user) === box) this.#boxes.delete(box.user)
  }
}
