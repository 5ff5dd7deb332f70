import type { CommandRef } from '../../shared/runtime/command.ts'
import { MAX_BEGUN } from '../../shared/wire/stamp.ts'

/** What another user is to this one: a stranger, one whom they asked, one who asked them, or a contact. */
export type Sees = 'none' | 'requested' | 'requesting' | 'contact'

type Standing = Sees | 'blocked'

/** What a user may do about another. */
export type Act = 'request' | 'accept' | 'reject' | 'cancel' | 'remove'

/** One user's half of a pair. */
export interface Side {
  readonly sees: Sees
  readonly blocks: boolean
  /** The user's last act that changed the pair, and the state it found, to recognise a repeated act. */
  readonly last?: { readonly act: Act; readonly saw: Sees }
  /** The user's last commands about this pair and their outcomes, to recognise a redelivered command. */
  readonly recent?: readonly Recent[]
}
type Recent = Pick<CommandRef, 'id' | 'order'> & { readonly said?: string }

/**
 * Two users, from the side of the one who acts. Both sides always mirror each other. A block does not change that: it hides
 * the blocked user from the blocker, who hears nothing from them and can do nothing about them before unblocking. Meanwhile
 * the blocked user asks, accepts, cancels and removes as if the other were offline. An unblock shows the state reached by then.
 */
export interface Pair {
  readonly mine: Side
  readonly theirs: Side
  /** The asker's note, while the request is pending. */
  readonly note?: string | undefined
}

const STRANGER: Side = { sees: 'none', blocks: false }
export const STRANGERS: Pair = { mine: STRANGER, theirs: STRANGER }

/** The outcome of each act, by the actor's own standing. Being blocked is no column, so no answer can reveal a block. */
// prettier-ignore
const ROWS = {
  request: { none: 'asked',  requested: 'requested', requesting: 'accepted', contact: 'contact', blocked: 'blocking' },
  accept:  { none: 'absent', requested: 'absent',    requesting: 'accepted', contact: 'contact', blocked: 'absent' },
  reject:  { none: 'absent', requested: 'absent',    requesting: 'rejected', contact: 'absent',  blocked: 'absent' },
  cancel:  { none: 'absent', requested: 'cancelled', requesting: 'absent',   contact: 'absent',  blocked: 'absent' },
  remove:  { none: 'absent', requested: 'absent',    requesting: 'absent',   contact: 'removed', blocked: 'absent' },
} as const satisfies Record<Act, Record<Standing, string>>

type Heard<A extends Act> = { [B in Act]: (typeof ROWS)[B][Standing] }[A]
const POLICY: { readonly [A in Act]: Record<Standing, Heard<A>> } = ROWS

/** The outcomes that change the pair, and what the other is to the actor afterwards. */
const LEADS_TO = {
  asked: 'requested',
  accepted: 'contact',
  rejected: 'none',
  cancelled: 'none',
  removed: 'none',
} as const satisfies Record<string, Sees>

/** The outcome to report when the other must not hear of it: the state alone, as if nothing had changed. */
const UNHEARD = {
  ...LEADS_TO,
  requested: 'requested',
  contact: 'contact',
  absent: 'absent',
  blocking: 'blocking',
} as const

const MIRRORED = { none: 'none', requested: 'requesting', requesting: 'requested', contact: 'contact' } as const

/** A change that the other hears of (`asked`), a state that notifies nobody (`requested`), or a reason to refuse. */
export type Outcome<A extends Act> = Heard<A> | (typeof UNHEARD)[Heard<A>]

/** The outcome of a command that `perform` has applied, just now or before a crash. */
export function outcome<A extends Act>({ mine, theirs }: Pair, act: A, id: string): Outcome<A> {
  const said = mine.recent?.find((one) => one.id === id)?.said
  if (said === undefined) return says({ mine, theirs }, act) // a later command overtook it: nobody waits for its answer
  return (theirs.blocks && said in UNHEARD ? UNHEARD[said as keyof typeof UNHEARD] : said) as Outcome<A>
}

/** Applies a command to the pair. Returns the same object when this command, or a later one, was already applied. */
export function perform(pair: Pair, act: Act, command: CommandRef, note?: string): Pair {
  const { mine, theirs } = pair
  if (isPast(mine, command)) return pair
  const recent = remember(mine, command, says(pair, act))
  const heard = POLICY[act][standing(mine)]
  if (!isChange(heard)) return { ...pair, mine: { ...mine, recent } }
  const sees = LEADS_TO[heard]
  return {
    mine: { ...mine, sees, last: { act, saw: mine.sees }, recent },
    theirs: { ...theirs, sees: MIRRORED[sees] },
    note: sees === 'requested' ? note : undefined,
  }
}

/** Applies a block or an unblock by the actor. */
export function setBlock(pair: Pair, blocks: boolean, command: CommandRef): Pair {
  const { mine } = pair
  if (isPast(mine, command)) return pair
  const recent = remember(mine, command, mine.blocks === blocks ? 'as before' : 'changed')
  return { ...pair, mine: { ...mine, blocks, recent } }
}

/** Tells whether that command began or ended a block. */
export function hasChanged({ mine }: Pair, id: string): boolean {
  return mine.recent?.find((one) => one.id === id)?.said === 'changed'
}

/** Which of the user's lists the other is in. */
export function listed(side: Side): List | 'none' {
  if (side.blocks) return 'blocks'
  return side.sees === 'none' ? 'none' : side.sees === 'contact' ? 'contacts' : 'requests'
}
/** Requests have their own list, so that reading contacts skips them. Requests stored by older versions are in `contacts`. */
export type List = 'contacts' | 'requests' | 'blocks'

/** The outcome of an act on the pair in its current state. */
function says<A extends Act>({ mine, theirs }: Pair, act: A): Outcome<A> {
  const { last } = mine
  if (last?.act === act) {
    const before = UNHEARD[POLICY[act][last.saw]]
    if (before === standing(mine)) return before // the user repeats their last act
  }
  const heard = POLICY[act][standing(mine)]
  return theirs.blocks ? UNHEARD[heard] : heard
}

/** Tells whether this command, or a later one of the same user, was already applied. The latter means a process was cut off. */
function isPast({ recent = [] }: Side, { id, order }: CommandRef): boolean {
  return recent.some((one) => one.id === id || one.order > order)
}

function remember({ recent = [] }: Side, { id, order }: CommandRef, said: string): Recent[] {
  return [...recent, { id, order, said }].slice(-MAX_BEGUN)
}

function standing(side: Side): Standing {
  return side.blocks ? 'blocked' : side.sees
}

function isChange(word: string): word is keyof typeof LEADS_TO {
  return word in LEADS_TO
}
