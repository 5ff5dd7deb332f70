import { useState } from 'preact/hooks'
import { board } from '../../state/board.ts'
import { dial } from '../../state/calls.ts'
import { blocked, contacts, nameOf, profileOf } from '../../state/people.ts'
import { go, hrefOf } from '../../state/route.ts'
import { presenceOf } from '../chat/summaries.ts'
import { Icon } from '../icon.tsx'
import { ActionButton, Avatar, Confirm } from '../parts.tsx'
import { RequestButtons } from './people-list.tsx'

/** The fields of a profile that have a place of their own. */
const PLACED = new Set(['name', 'avatar', 'status_text'])
const MAX_NOTE = 280

/** Somebody else's profile, and what one can do together. */
export function Person({ user }: { user: string }) {
  const profile = profileOf(user) ?? {}
  const relation = contacts.value.get(user)?.state
  const isContact = relation === 'contact'
  const status = profile['status_text']
  return (
    <section class="person" aria-label={`Profile of ${nameOf(user)}`}>
      <header class="pane-head">
        <a class="icon-button plain back" href={hrefOf('people')} aria-label="Back to people">
          <span class="chevron" aria-hidden="true" />
        </a>
        <h1 class="unseen">{nameOf(user)}</h1>
      </header>
      <div class="card">
        <Avatar user={user} size="xl" shows={isContact} />
        <p class="big-name">{nameOf(user)}</p>
        <p class="row-detail">
          <code>{user}</code>
        </p>
        {isContact && <p class="row-detail">{presenceOf(user)}</p>}
        {typeof status === 'string' && <p class="status-text">{status}</p>}
        {isContact && <TalkButtons user={user} />}
        {relation === 'requesting' && (
          <>
            <p>{contacts.value.get(user)?.note ?? `${nameOf(user)} wants to be your contact.`}</p>
            <RequestButtons user={user} />
          </>
        )}
        {relation === 'requested' && (
          <>
            <p>Your request is waiting for an answer.</p>
            <ActionButton
              act={() => board().call('cancel_contact_request', { user_id: user })}
              done="The request is withdrawn."
            >
              Cancel request
            </ActionButton>
          </>
        )}
        {relation === undefined && !blocked.value.has(user) && <Ask key={user} user={user} />}
        <MoreFields fields={profile} />
        <Distance user={user} isContact={isContact} />
      </div>
    </section>
  )
}

function TalkButtons({ user }: { user: string }) {
  return (
    <div class="buttons">
      <button type="button" class="button primary" onClick={() => go('chats', 'user', user)}>
        <Icon name="chats" size={16} /> Message
      </button>
      <button type="button" class="button" onClick={() => void dial(user, false)}>
        <Icon name="phone" size={16} /> Call
      </button>
      <button type="button" class="button" onClick={() => void dial(user, true)}>
        <Icon name="video" size={16} /> Video
      </button>
    </div>
  )
}

function Ask({ user }: { user: string }) {
  const [note, setNote] = useState('')
  const ask = (): Promise<unknown> =>
    board().call('request_contact', { user_id: user, ...(note.trim() !== '' && { note: note.trim() }) })
  return (
    <div class="ask">
      <p>You can write and call each other when {nameOf(user)} has accepted your request.</p>
      <label class="field">
        A few words, if you like
        <input type="text" maxLength={MAX_NOTE} value={note} onInput={(event) => setNote(event.currentTarget.value)} />
      </label>
      <ActionButton look="primary" icon="plus" act={ask} done="The request is sent.">
        Send request
      </ActionButton>
    </div>
  )
}

function MoreFields({ fields }: { fields: Readonly<Record<string, unknown>> }) {
  const more = Object.entries(fields).filter(([name, value]) => !PLACED.has(name) && value !== null)
  if (more.length === 0) return null
  return (
    <dl>
      {more.map(([name, value]) => (
        <div key={name}>
          <dt>{name.replaceAll('_', ' ')}</dt>
          <dd>{String(value)}</dd>
        </div>
      ))}
    </dl>
  )
}

function Distance({ user, isContact }: { user: string; isContact: boolean }) {
  const [asking, setAsking] = useState<'remove' | 'block'>()
  const isBlocked = blocked.value.has(user)
  const act = (): Promise<unknown> =>
    asking === 'block'
      ? board().call('block_user', { user_id: user })
      : board().call('remove_contact', { user_id: user })
  return (
    <div class="buttons distance">
      {isContact && (
        <button type="button" class="button" onClick={() => setAsking('remove')}>
          Remove contact
        </button>
      )}
      {isBlocked ? (
        <ActionButton
          act={() => board().call('unblock_user', { user_id: user })}
          done={`${nameOf(user)} is not blocked any more.`}
        >
          Unblock
        </ActionButton>
      ) : (
        <button type="button" class="button danger" onClick={() => setAsking('block')}>
          <Icon name="block" size={16} /> Block
        </button>
      )}
      {asking && (
        <Confirm
          title={asking === 'block' ? `Block ${nameOf(user)}?` : `Remove ${nameOf(user)}?`}
          text={
            asking === 'block'
              ? 'They cannot reach you any more, and see you as offline. They are not told.'
              : 'You cannot write and call each other any more, until one of you asks again.'
          }
          verb={asking === 'block' ? 'Block' : 'Remove'}
          act={act}
          onClose={() => setAsking(undefined)}
        />
      )}
    </div>
  )
}
