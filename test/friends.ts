import type { Device, DeviceOptions, Received } from './device.ts'
import { metric } from './metrics.ts'

/** A device of a user who was away, once the presence group has handled their arrival. */
export async function comes(
  place: { admin: string; device(sub: string, options?: DeviceOptions): Promise<Device> },
  sub: string,
  options?: DeviceOptions,
): Promise<Device> {
  const ended = (): Promise<number> => metric(place, 'command_seconds_count', 'presence_changed')
  const before = await ended()
  const device = await place.device(sub, options)
  while ((await ended()) === before) await new Promise((resolve) => setTimeout(resolve, 10))
  return device
}

/** Makes two users contacts, and consumes the events about it. */
export async function befriend(one: Device, other: Device): Promise<void> {
  await one.asks('request_contact', { user_id: other.user })
  await other.asks('accept_contact', { user_id: one.user })
  await one.unread()
  await other.unread()
}

/** The first user creates a group with the others, their contacts; consumes the events about it. */
export async function gather(owner: Device, ...others: Device[]): Promise<string> {
  for (const other of others) await befriend(owner, other)
  const made: Received = await owner.asks('create_group', { title: 'Some', members: others.map(({ user }) => user) })
  for (const one of [owner, ...others]) await one.unread()
  return made['group_id'] as string
}
