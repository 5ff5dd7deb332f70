/// <reference lib="webworker" />

// The service worker that shows what the platform sends by Web Push. It caches nothing and answers no request of the page.

declare const self: ServiceWorkerGlobalScope

/** What the group `push` sends: an event's name, its number, and those of its fields that its declaration names. */
interface Told {
  event: string
  event_seq: number
  /** Whom it is for. */
  user_id: string
  from?: string
  group_id?: string
  with?: string
  by?: string
}

/** What to show, and where a click leads. */
function notice({ event, from, group_id, with: other, by }: Told): { title: string; body: string; route: string[] } {
  switch (event) {
    case 'message_received':
      return group_id === undefined
        ? { title: 'New message', body: said('from', from), route: ['chats', 'user', from ?? ''] }
        : { title: 'New message in a group', body: said('from', from), route: ['chats', 'group', group_id] }
    case 'call_changed':
      return { title: 'Missed call', body: said('from', other), route: ['calls'] }
    case 'conference_invited':
      return { title: 'Invitation to a conference', body: said('by', by), route: ['calls'] }
    default:
      return { title: 'News', body: 'Open Switchboard to see it.', route: [] }
  }
}

/** An opaque id says nothing to people. */
function said(word: string, user: string | undefined): string {
  return user === undefined || /[0-9a-f]{8}-[0-9a-f]{4}-/i.test(user) ? '' : `${word} ${user}`
}

self.addEventListener('install', () => void self.skipWaiting())

self.addEventListener('push', (event) => {
  const told = event.data?.json() as Told | undefined
  if (!told) return
  const { title, body, route } = notice(told)
  const tag = [told.user_id, told.event, ...route].join(' ') // the next one of this conversation takes its place
  const options = { body, tag, renotify: true, data: `/#/${route.map(encodeURIComponent).join('/')}` }
  event.waitUntil(self.registration.showNotification(title, options))
})

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  event.waitUntil(open(String(event.notification.data)))
})

/** Brings the page to the front, in a window that has it already if there is one. */
async function open(address: string): Promise<void> {
  const [first] = await self.clients.matchAll({ type: 'window', includeUncontrolled: true })
  if (!first) return void (await self.clients.openWindow(address))
  await first.focus().catch(() => {}) // browsers allow it for a moment after a click only
  await first.navigate(address).catch(() => {}) // only a window that this worker controls can be led elsewhere
}
