import { CALL_PILES } from './call-piles.ts'
import { GROUP_PILES } from './group-piles.ts'
import { MESSAGE_PILES } from './message-piles.ts'
import { PEOPLE } from './people-piles.ts'
import type { Pile } from './pile.ts'

/** All that one user can pile up. */
export const PILES: readonly Pile[] = [...PEOPLE, ...MESSAGE_PILES, ...GROUP_PILES, ...CALL_PILES]

/** The command in a call's name: `get_messages` in `get_messages, before the middle`. */
export const commandOf = (name: string): string => name.split(',')[0]!
