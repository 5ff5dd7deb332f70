import { useEffect, useState } from 'preact/hooks'
import { confer, dial, fetchPastCalls, MAX_CONFERENCE, pastCalls, type PastCall } from '../../state/calls.ts'
import { friends, nameOf } from '../../state/people.ts'
import { PickPeople } from '../groups/pick-people.tsx'
import { Icon } from '../icon.tsx'
import { Avatar, Dialog, Empty, IconButton, Loading } from '../parts.tsx'
import { briefly, duration } from '../times.ts'

const ENDS: Record<PastCall['state'], string> = {
  ringing: 'Ringing',
  answered: 'Answered',
  declined: 'Declined',
  busy: 'Busy',
  cancelled: 'Cancelled',
  missed: 'Missed',
  ended: 'Ended',
}

/** The calls of before, and the way into a conference. */
export function CallsList() {
  const [isNew, setNew] = useState(false)
  useEffect(() => void fetchPastCalls(), [])
  const calls = pastCalls.value
  return (
    <>
      <header class="list-head">
        <h1>Calls</h1>
        <button type="button" class="button small" onClick={() => setNew(true)}>
          <Icon name="plus" size={16} /> Conference
        </button>
      </header>
      <div class="list-body">
        {calls === undefined && <Loading what="your calls" />}
        {calls?.length === 0 && (
          <Empty icon="phone" title="No calls yet">
            <p>Call a contact from your chat with them, or begin a conference.</p>
          </Empty>
        )}
        <ul class="rows">
          {calls?.map((call) => (
            <Past key={`${call.with} ${call.call_id}`} call={call} />
          ))}
        </ul>
      </div>
      {isNew && <NewConference onClose={() => setNew(false)} />}
    </>
  )
}

function Past({ call }: { call: PastCall }) {
  const { with: user, direction, state, started_at, answered_at, ended_at } = call
  const isMissed = direction === 'in' && (state === 'missed' || state === 'cancelled')
  const length =
    answered_at !== undefined && ended_at !== undefined ? Date.parse(ended_at) - Date.parse(answered_at) : undefined
  return (
    <li class="row">
      <Avatar user={user} shows />
      <span class="row-text">
        <span class="row-line">
          <strong>{nameOf(user)}</strong>
          <time dateTime={started_at}>{briefly(started_at)}</time>
        </span>
        <span class={`row-detail ${isMissed ? 'missed' : ''}`}>
          <Icon name={direction === 'in' ? 'arrow-in' : 'arrow-out'} size={14} />
          <span class="unseen">{direction === 'in' ? 'Incoming' : 'Outgoing'}: </span>
          {isMissed ? 'Missed' : ENDS[state]}
          {length !== undefined && ` · ${duration(length)}`}
        </span>
      </span>
      <IconButton icon="phone" label={`Call ${nameOf(user)}`} onClick={() => void dial(user, false)} />
    </li>
  )
}

function NewConference({ onClose }: { onClose: () => void }) {
  const [picked, setPicked] = useState<ReadonlySet<string>>(new Set())
  const [title, setTitle] = useState('')
  const begin = (): void => {
    onClose()
    void confer([...picked], title.trim() || undefined)
  }
  return (
    <Dialog title="New conference" onClose={onClose}>
      <label class="field">
        What it is about, if you like
        <input type="text" maxLength={80} value={title} onInput={(event) => setTitle(event.currentTarget.value)} />
      </label>
      <PickPeople legend="Invite" among={friends.value} picked={picked} most={MAX_CONFERENCE - 1} onPick={setPicked} />
      <footer>
        <button type="button" class="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" class="button primary" onClick={begin}>
          Begin
        </button>
      </footer>
    </Dialog>
  )
}
