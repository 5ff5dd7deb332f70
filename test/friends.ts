import type { Device } from './device.ts'

/** Makes two users contacts, and takes what they hear of it. */
export async function befriend(one: Device, other: Device): Promise<void> {
  await one.asks('request_contact', { user_id: other.user })
  await other.asks('accept_contact', { user_id: one.user })
  await one.unread()
  await other.unread()
}
