import type { Device, DeviceOptions, Received } from './device.ts'
import type { Stage } from './stage.ts'

/** A device of one whose coming the presence group has seen: what he asks of it is done after that. */
export async function comes(stage: Stage, sub: string, options?: DeviceOptions): Promise<Device> {
  const device = await stage.device(sub, options)
  await device.asks('get_user_list')
  return device
}

/** Makes two users contacts, and takes what they hear of it. */
export async function befriend(one: Device, other: Device): Promise<void> {
  await one.asks('request_contact', { user_id: other.user })
  await other.asks('accept_contact', { user_id: one.user })
  await one.unread()
  await other.unread()
}

/** Makes the first user a group with the others, his contacts by then; all have taken what they hear of it. */
export async function gather(owner: Device, ...others: Device[]): Promise<string> {
  for (const other of others) await befriend(owner, other)
  const made: Received = await owner.asks('create_group', { title: 'Some', members: others.map(({ user }) => user) })
  for (const one of [owner, ...others]) await one.unread()
  return made['group_id'] as string
}
