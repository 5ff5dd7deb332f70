import { signal } from '@preact/signals'
import { Rejected, type CallingBoard, type GroupList } from '../../client/index.ts'
import { board, isMe } from './board.ts'
import { allPages } from './reading.ts'

export type Role = 'owner' | 'admin' | 'member'
export interface Member {
  readonly user_id: string
  readonly role: Role
}
export type Group = GroupList['groups'][number]

export const groups = signal<ReadonlyMap<string, Group>>(new Map())
const members = signal<ReadonlyMap<string, readonly Member[]>>(new Map())
const asked = new Set<string>()

/** The members of a group; they are fetched at the first look. */
export function membersOf(id: string): readonly Member[] {
  if (!asked.has(id)) {
    asked.add(id)
    void refresh(id)
  }
  return members.value.get(id) ?? []
}

/** Fetches a group as it is now, and forgets it when it is not this user's any more. */
async function refresh(id: string): Promise<void> {
  try {
    let group: Group | undefined
    const list = await allPages(
      (at) => board().call('get_group', { group_id: id, limit: 200, ...at }),
      (page) => {
        group = { group_id: id, title: page.title, role: page.role, members: page.members }
        return page.list
      },
    )
    if (group) groups.value = new Map(groups.value).set(id, group)
    members.value = new Map(members.value).set(id, list)
  } catch (err) {
    if (err instanceof Rejected && (err.code === 'forbidden' || err.code === 'not_found')) forget(id)
    else asked.delete(id) // the next look asks again
  }
}

function forget(id: string): void {
  groups.value = new Map([...groups.value].filter(([one]) => one !== id))
}

export function watchGroups(one: CallingBoard): void {
  one.on('group_changed', ({ group_id, change, user_id }) => {
    if (change === 'member_removed' && user_id !== undefined && isMe(user_id)) forget(group_id)
    else void refresh(group_id)
  })
  one.on('group_updated', ({ group_id, change }) => {
    if (change === 'member_left') forget(group_id)
    else void refresh(group_id)
  })
}

export async function fetchGroups(one: CallingBoard): Promise<void> {
  const list = await allPages(
    (at) => one.call('get_group_list', { limit: 100, ...at }),
    (page) => page.groups,
  )
  groups.value = new Map(list.map((group) => [group.group_id, group]))
  for (const id of asked) void refresh(id)
}

/** What a role may do; the platform has the last word. */
export function mayManage(role: Role | undefined): boolean {
  return role === 'owner' || role === 'admin'
}

export function mayRemove(mine: Role | undefined, theirs: Role): boolean {
  return theirs !== 'owner' && (mine === 'owner' || (mine === 'admin' && theirs === 'member'))
}
