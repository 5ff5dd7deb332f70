import { computed, signal } from '@preact/signals'
import { connect, indexedDbStore, type CallingBoard, type State, type Waiting } from '../../client/index.ts'
import { MQTT_URL } from '../config.ts'
import type { Session } from '../sign-in/session.ts'

/** How the connection stands, why, and when the next try is. */
export const connection = signal<{ state: State; reason?: string | undefined; nextTryAt?: number | undefined }>({
  state: 'connecting',
})
/** What is not answered yet. */
export const waiting = signal<readonly Waiting[]>([])
/** The user id of who is signed in. */
export const me = signal<string | undefined>(undefined)
/** Changes that wait: what the user did, not what the page reads and acknowledges. */
export const outbox = computed(() =>
  waiting.value.filter(({ command }) => !/^(?:get_|search_|whoami|sync_|ack_|mark_)/.test(command)),
)
export const isOnline = computed(() => connection.value.state === 'online')

let opened: CallingBoard | undefined

/** Is this who is signed in? Known from the login on, before any view is. */
export const isMe = (user: string): boolean => user === (me.value ?? opened?.user)

/** The board of who is signed in. Views exist only while somebody is. */
export function board(): CallingBoard {
  if (!opened) throw new Error('nobody is signed in')
  return opened
}

export function openBoard(session: Session): CallingBoard {
  const one = connect({ url: MQTT_URL, token: session.token, store: indexedDbStore(`switchboard ${session.owner}`) })
  opened = one
  const tell = (): void => {
    connection.value = { state: one.state, reason: one.reason, nextTryAt: one.nextTryAt }
    if (one.user !== undefined) me.value = one.user
  }
  one.on('state', tell)
  one.on('waiting', (calls) => (waiting.value = calls))
  one.on('*', () => {
    if (one.user !== me.value) tell()
  })
  tell()
  return one
}
