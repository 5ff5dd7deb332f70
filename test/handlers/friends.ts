import type { UserId } from '../../shared/wire/user-id.ts'
import type { Person } from './person.ts'

/** Somebody on a stage that serves the group `contacts`, and maybe others. */
interface Acquainted {
  readonly user: UserId
  calls(command: 'request_contact' | 'accept_contact', input: { user_id: string }): Promise<unknown>
  unread(): unknown
}

/** Makes two users contacts, and consumes the events about it. */
export async function befriend(one: Acquainted, other: Acquainted): Promise<void> {
  await one.calls('request_contact', { user_id: other.user })
  await other.calls('accept_contact', { user_id: one.user })
  for (const each of [one, other]) each.unread()
}

/** The first user creates a group with the others, their contacts; consumes the events about it. */
export async function gather(
  owner: Acquainted & Pick<Person<'groups'>, 'calls'>,
  ...others: Acquainted[]
): Promise<string> {
  for (const other of others) await befriend(owner, other)
  const made = await owner.calls('create_group', { title: 'Some', members: others.map(({ user }) => user) })
  for (const one of [owner, ...others]) one.unread()
  return made.as('group_updated').group_id
}
