import { useState } from 'preact/hooks'
import { board, isMe } from '../../state/board.ts'
import { groups, mayManage, mayRemove, membersOf, type Member, type Role } from '../../state/groups.ts'
import { friends, nameForMe } from '../../state/people.ts'
import { go } from '../../state/route.ts'
import { attempt } from '../../state/toasts.ts'
import { ActionButton, Avatar, Confirm, Dialog, IconButton } from '../parts.tsx'
import { PickPeople } from './pick-people.tsx'

const MAX_TITLE = 80
const MOST_AT_ONCE = 20
const ROLES: Record<Role, string> = { owner: 'Owner', admin: 'Admin', member: 'Member' }

/** A group's title, its members and their roles, and the way out. */
export function GroupInfo({ id, onClose }: { id: string; onClose: () => void }) {
  const group = groups.value.get(id)
  const members = membersOf(id)
  const [isLeaving, setLeaving] = useState(false)
  if (!group) return null
  const leave = async (): Promise<void> => {
    await board().call('leave_group', { group_id: id })
    onClose()
    go('chats')
  }
  return (
    <Dialog title={group.title} onClose={onClose}>
      {mayManage(group.role) && <Title id={id} title={group.title} />}
      <h3>Members</h3>
      <ul class="rows">
        {members.map((one) => (
          <MemberRow key={one.user_id} group={id} member={one} mine={group.role} />
        ))}
      </ul>
      {mayManage(group.role) && <AddMembers id={id} members={members} />}
      <footer>
        <button type="button" class="button danger" onClick={() => setLeaving(true)}>
          Leave group
        </button>
      </footer>
      {isLeaving && (
        <Confirm
          title={`Leave ${group.title}?`}
          text="You will get no more of its messages. Somebody must add you again before you can come back."
          verb="Leave"
          act={leave}
          onClose={() => setLeaving(false)}
        />
      )}
    </Dialog>
  )
}

function Title({ id, title }: { id: string; title: string }) {
  const [text, setText] = useState(title)
  const save = (): Promise<unknown> => board().call('change_group_title', { group_id: id, title: text.trim() })
  return (
    <div class="field-row">
      <label class="field">
        Name
        <input type="text" maxLength={MAX_TITLE} value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <ActionButton act={save} done="The group has a new name.">
        Rename
      </ActionButton>
    </div>
  )
}

function MemberRow({ group, member: { user_id, role }, mine }: { group: string; member: Member; mine: Role }) {
  const isOwn = isMe(user_id)
  const change = (to: string): void => {
    void attempt(board().call('set_member_role', { group_id: group, user_id, role: to as Role }))
  }
  const remove = (): void => void attempt(board().call('remove_member', { group_id: group, user_id }))
  return (
    <li class="row">
      <Avatar user={user_id} size="s" shows={!isOwn} />
      <span class="row-text">{nameForMe(user_id)}</span>
      {mine === 'owner' && !isOwn ? (
        <select
          aria-label={`Role of ${nameForMe(user_id)}`}
          value={role}
          onChange={(event) => change(event.currentTarget.value)}
        >
          {Object.entries(ROLES).map(([value, name]) => (
            <option key={value} value={value}>
              {name}
            </option>
          ))}
        </select>
      ) : (
        <span class="row-detail">{ROLES[role]}</span>
      )}
      {!isOwn && mayRemove(mine, role) && (
        <IconButton icon="close" label={`Remove ${nameForMe(user_id)}`} onClick={remove} look="small" />
      )}
    </li>
  )
}

function AddMembers({ id, members }: { id: string; members: readonly Member[] }) {
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set())
  const others = friends.value.filter((user) => !members.some(({ user_id }) => user_id === user))
  if (others.length === 0) return null
  const add = async (): Promise<void> => {
    for (const user_id of picked) await board().call('add_member', { group_id: id, user_id })
    setPicked(new Set())
  }
  return (
    <details>
      <summary>Add members</summary>
      <PickPeople legend="Your contacts" among={others} picked={picked} most={MOST_AT_ONCE} onPick={setPicked} />
      <ActionButton look="primary" act={add} done="They are members now.">
        Add
      </ActionButton>
    </details>
  )
}
