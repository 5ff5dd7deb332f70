import { useState } from 'preact/hooks'
import { board } from '../../state/board.ts'
import { friends } from '../../state/people.ts'
import { go } from '../../state/route.ts'
import { ActionButton, Dialog } from '../parts.tsx'
import { PickPeople } from './pick-people.tsx'

const MAX_TITLE = 80
const MAX_MEMBERS = 100

/** Makes a group of contacts. */
export function NewGroup({ onClose }: { onClose: () => void }) {
  const [title, setTitle] = useState('')
  const [members, setMembers] = useState<ReadonlySet<string>>(new Set())
  const create = async (): Promise<void> => {
    if (title.trim() === '') throw new Error('Give the group a name.')
    const { group_id } = await board().call('create_group', { title: title.trim(), members: [...members] })
    onClose()
    go('chats', 'group', group_id)
  }
  return (
    <Dialog title="New group" onClose={onClose}>
      <label class="field">
        Name
        <input
          type="text"
          maxLength={MAX_TITLE}
          value={title}
          onInput={(event) => setTitle(event.currentTarget.value)}
        />
      </label>
      <PickPeople legend="Members" among={friends.value} picked={members} most={MAX_MEMBERS} onPick={setMembers} />
      <footer>
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <ActionButton look="primary" act={create}>
          Create group
        </ActionButton>
      </footer>
    </Dialog>
  )
}
