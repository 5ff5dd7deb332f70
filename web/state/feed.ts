import { signal } from '@preact/signals'
import type { CallingBoard } from '../../client/index.ts'

/** Something that happened, as it came. */
export interface Happening {
  readonly key: number
  readonly event: string
  readonly at: string
  readonly fields: Readonly<Record<string, unknown>>
}

const MOST = 200
/** Answers to what the page itself asks would hide what happens. */
const QUIET =
  /^(?:events_synced|block_list|session_|contact_list|user_list|profile$|profile_results|group$|group_list|messages|message_results|call_list|turn_)/

/** The last events, newest first. */
export const feed = signal<readonly Happening[]>([])
export const isFeedOpen = signal(localStorage.getItem('switchboard.feed') === 'open')
let last = 0

export function toggleFeed(): void {
  isFeedOpen.value = !isFeedOpen.value
  localStorage.setItem('switchboard.feed', isFeedOpen.value ? 'open' : 'closed')
}

export function watchFeed(one: CallingBoard): void {
  one.on('*', (happened) => {
    const { event, at, re: _re, event_seq: _seq, ...fields } = happened as unknown as Record<string, unknown>
    if (QUIET.test(String(event))) return
    const next = { key: ++last, event: String(event), at: String(at), fields }
    feed.value = [next, ...feed.value].slice(0, MOST)
  })
}
