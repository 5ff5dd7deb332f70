import type { CallingBoard } from '../client/index.ts'

// Web Push: this browser is told of messages and calls while no page is open. push-worker.ts shows them.

const WORKER = '/push-worker.js'

/** Can this browser show what happens while the page is closed? On iOS only for a page on the home screen. */
export function canPush(): boolean {
  return 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window
}

/** Has the user asked for it in this browser? */
export async function hasPush(): Promise<boolean> {
  return canPush() && (await current()) !== undefined
}

/**
 * Asks the user for leave, and has this browser told from now on. May be called again at any time.
 * @param vapidPublicKey of the platform: `/config.json`
 * @throws {Error} in words
 */
export async function enablePush(board: CallingBoard, vapidPublicKey: string): Promise<void> {
  if (!canPush()) throw new Error('This browser cannot show notifications while the page is closed.')
  if ((await Notification.requestPermission()) !== 'granted') {
    throw new Error('Notifications are blocked for this page. Allow them in the browser’s settings for this site.')
  }
  await navigator.serviceWorker.register(WORKER)
  const { pushManager } = await navigator.serviceWorker.ready
  const key = bytesOf(vapidPublicKey)
  const old = await pushManager.getSubscription()
  if (old && !isSame(old.options.applicationServerKey, key)) await old.unsubscribe() // the platform has other keys now
  const made = await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }).catch((err: Error) => {
    throw new Error(`The browser’s push service does not answer: ${err.message}`)
  })
  const { endpoint, keys } = made.toJSON()
  await board.call('save_push_subscription', { endpoint: endpoint!, p256dh: keys!['p256dh']!, auth: keys!['auth']! })
}

/** Ends it: to be called before the user signs out, too. */
export async function disablePush(board: CallingBoard): Promise<void> {
  const subscription = canPush() ? await current() : undefined
  if (!subscription) return
  await subscription.unsubscribe() // first: from here on this browser hears nothing, even if the platform cannot be reached
  await board.call('remove_push_subscription', { endpoint: subscription.endpoint })
}

async function current(): Promise<PushSubscription | undefined> {
  const registration = await navigator.serviceWorker.getRegistration(WORKER)
  return (await registration?.pushManager.getSubscription()) ?? undefined
}

function bytesOf(base64url: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64url.replaceAll('-', '+').replaceAll('_', '/')), (letter) => letter.charCodeAt(0))
}

function isSame(one: ArrayBuffer | null, other: Uint8Array): boolean {
  return one !== null && String(new Uint8Array(one)) === String(other)
}
