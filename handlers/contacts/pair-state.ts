import type { Context } from '../../shared/runtime/command.ts'
import { MAX_BEGUN } from '../../shared/wire/stamp.ts'

/** How a user sees another: as nobody, as one he asked, as one who asked him, as a contact. */
export type Sees = 'none' | 'requested' | 'requesting' | 'contact'

type Standing = Sees | 'blocked'

/** What a user may do to another. */
export type Act = 'request' | 'accept' | 'reject' | 'cancel' | 'remove'

/** What makes a change happen once: the command's id, and its place among its user's. */
export type Cause = Readonly<Pick<Context['command'], 'id' | 'order'>>

/** One user's half of a pair. */
export interface Side {
  readonly sees: Sees
  readonly blocks: boolean
  /** His last act that changed the pair, and what it found: to know when he repeats himself. */
  readonly last?: { readonly act: Act; readonly saw: Sees }
  /** His last commands to the pair, and what came of them: to know them when they come again after a crash. */
  readonly recent?: readonly Recent[]
}
type Recent = Cause & { readonly said?: string }

/**
 * Two users, as the one who acts stands to the other. Both always see the same, mirrored. A block changes nothing of that:
 * it hides the blocked one from the blocker, who hears nothing and can do nothing to him until he unblocks; meanwhile the
 * blocked one asks, accepts, cancels and removes as if the other were offline, and an unblock finds them as they stand then.
 */
export interface Pair {
  readonly mine: Side
  readonly theirs: Side
  /** What the asker wrote, as long as his request stands. */
  readonly note?: string | undefined
}

const STRANGER: Side = { sees: 'none', blocks: false }
export const STRANGERS: Pair = { mine: STRANGER, theirs: STRANGER }

/** What comes of a command, by how he who gives it stands. Whether the other blocks him is no column: so no answer tells. */
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

/** The outcomes that change the pair, and what the one who acted sees after them. */
const LEADS_TO = {
  asked: 'requested',
  accepted: 'contact',
  rejected: 'none',
  cancelled: 'none',
  removed: 'none',
} as const satisfies Record<string, Sees>

/** What an outcome is when the other shall not hear of it: the bare state, as if it had been so before. */
const UNHEARD = {
  ...LEADS_TO,
  requested: 'requested',
  contact: 'contact',
  absent: 'absent',
  blocking: 'blocking',
} as const

const MIRRORED = { none: 'none', requested: 'requesting', requesting: 'requested', contact: 'contact' } as const

/** A change that the other hears of (`asked`), a state in which nobody is disturbed (`requested`), or a reason to refuse. */
export type Outcome<A extends Act> = Heard<A> | (typeof UNHEARD)[Heard<A>]

/** What has come of a command that the pair has been through: at once, and when it comes again after a crash. */
export function outcome<A extends Act>({ mine, theirs }: Pair, act: A, id: string): Outcome<A> {
  const said = mine.recent?.find((one) => one.id === id)?.said
  if (said === undefined) return says({ mine, theirs }, act) // cut off, and overtaken: nobody waits for its answer
  return (theirs.blocks && said in UNHEARD ? UNHEARD[said as keyof typeof UNHEARD] : said) as Outcome<A>
}

/** The pair after a command; the very same object when it has been through it, or through a later one. */
export function perform(pair: Pair, act: Act, cause: Cause, note?: string): Pair {
  const { mine, theirs } = pair
  if (isPast(mine, cause)) return pair
  const recent = remember(mine, { ...cause, said: says(pair, act) })
  const heard = POLICY[act][standing(mine)]
  if (!isChange(heard)) return { ...pair, mine: { ...mine, recent } }
  const sees = LEADS_TO[heard]
  return {
    mine: { ...mine, sees, last: { act, saw: mine.sees }, recent },
    theirs: { ...theirs, sees: MIRRORED[sees] },
    note: sees === 'requested' ? note : undefined,
  }
}

/** The pair after the one who acts has blocked the other, or no longer does. */
export function setBlock(pair: Pair, blocks: boolean, cause: Cause): Pair {
  const { mine } = pair
  if (isPast(mine, cause)) return pair
  const recent = remember(mine, { ...cause, said: mine.blocks === blocks ? 'as before' : 'changed' })
  return { ...pair, mine: { ...mine, blocks, recent } }
}

/** Did that command begin or end a block? */
export function hasChanged({ mine }: Pair, id: string): boolean {
  return mine.recent?.find((one) => one.id === id)?.said === 'changed'
}

/** In which of a user's lists the other stands. */
export function listed(side: Side): List | 'none' {
  if (side.blocks) return 'blocks'
  return side.sees === 'none' ? 'none' : side.sees === 'contact' ? 'contacts' : 'requests'
}
/** Requests have a list of their own: whoever asks for a user's contacts reads none of them. Those stored before are in `contacts`. */
export type List = 'contacts' | 'requests' | 'blocks'

/** What comes of an act, as the pair is. */
function says<A extends Act>({ mine, theirs }: Pair, act: A): Outcome<A> {
  const { last } = mine
  if (last?.act === act) {
    const before = UNHEARD[POLICY[act][last.saw]]
    if (before === standing(mine)) return before // the user repeats himself
  }
  const heard = POLICY[act][standing(mine)]
  return theirs.blocks ? UNHEARD[heard] : heard
}

/** The pair has been through this command, or through a later one of the same user: then this comes from a process cut off. */
function isPast({ recent = [] }: Side, { id, order }: Cause): boolean {
  return recent.some((one) => one.id === id || one.order > order)
}

function remember({ recent = [] }: Side, now: Recent): Recent[] {
  return [...recent, now].slice(-MAX_BEGUN)
}

function standing(side: Side): Standing {
  return side.blocks ? 'blocked' : side.sees
}

function isChange(word: string): word is keyof typeof LEADS_TO {
  return word in LEADS_TO
}
