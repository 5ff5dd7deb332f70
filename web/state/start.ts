import { effect, signal } from '@preact/signals'
import type { CallingBoard } from '../../client/index.ts'
import { disablePush } from '../push.ts'
import type { Session } from '../sign-in/session.ts'
import { openBoard } from './board.ts'
import { watchCalls } from './calls.ts'
import { fetchChats, unread, watchChats } from './chats.ts'
import { watchFeed } from './feed.ts'
import { fetchGroups, watchGroups } from './groups.ts'
import { openMarks } from './marks.ts'
import { fetchPeople, watchPeople } from './people.ts'
import { watchRinging } from './ring.ts'
import { watchSending } from './sending.ts'
import { attempt } from './toasts.ts'
import { watchTyping } from './typing.ts'

/** The page has what it shows. Until then it says that it is loading. */
export const isReady = signal(false)

/** Everything begins for somebody who is signed in. To sign out, the page is loaded anew. */
export function start(session: Session): void {
  openMarks(session.owner)
  const board = openBoard(session)
  watchPeople(board, session)
  for (const watch of [watchGroups, watchChats, watchSending, watchTyping, watchCalls, watchFeed]) watch(board)
  watchRinging()
  let fetching: Promise<boolean> | undefined
  const fetchAll = (): void => {
    fetching ??= attempt(fetchState(board)).finally(() => (fetching = undefined))
  }
  board.on('reset', fetchAll)
  fetchAll()
  effect(() => {
    document.title = unread.value > 0 ? `(${unread.value}) Switchboard` : 'Switchboard'
  })
  leave = async () => {
    const late = new Promise((resolve) => setTimeout(resolve, FAREWELL))
    await Promise.race([disablePush(board), late]).catch(() => {}) // this browser hears nothing any more in any case
    await board.close('discard')
    await session.signOut()
    history.replaceState(null, '', '/')
    location.reload()
  }
}

async function fetchState(board: CallingBoard): Promise<void> {
  await Promise.all([fetchPeople(board), fetchGroups(board)])
  isReady.value = true
  await fetchChats()
}

/** Milliseconds for the platform to hear that this browser is not to be told any more. */
const FAREWELL = 3_000

let leave = async (): Promise<void> => {}

/** Signs out, and drops what has not been sent. */
export const signOut = (): Promise<boolean> => attempt(leave())
