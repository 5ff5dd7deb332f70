import { useState } from 'preact/hooks'
import { board, isMe } from '../../state/board.ts'
import { targetOf, type ChatKey, type Message } from '../../state/chats.ts'
import { marksOf } from '../../state/marks.ts'
import { nameOf } from '../../state/people.ts'
import { discard, sendAgain, type Draft } from '../../state/sending.ts'
import { Icon, type IconName } from '../icon.tsx'
import { Avatar, Confirm, IconButton } from '../parts.tsx'
import { timeOf } from '../times.ts'
import { LinkedMedia, RichText } from './rich-text.tsx'

/** One message. `isFirst`: of several that the same person sent one after another. */
export function Bubble({
  chat,
  message,
  isFirst,
  isFocus,
  onEdit,
}: {
  chat: ChatKey
  message: Message
  isFirst: boolean
  isFocus: boolean
  onEdit: () => void
}) {
  const { from, body, sent_at, edited_at, deleted_at, attachments = [] } = message
  const isMine = isMe(from)
  const isGroup = targetOf(chat).kind === 'group'
  const isGone = deleted_at !== undefined
  return (
    <li
      class={`message ${isMine ? 'mine' : 'theirs'} ${isFirst ? 'first' : ''} ${isFocus ? 'focus' : ''}`}
      id={`m-${message.message_id}`}
    >
      {!isMine && isGroup && (isFirst ? <Avatar user={from} size="s" /> : <span class="avatar-space" />)}
      <div class="bubble">
        <span class={isGroup && !isMine && isFirst ? 'author' : 'unseen'}>
          {isMine ? 'You' : nameOf(from)}
          <span class="unseen">: </span>
        </span>
        {isGone && <em class="faint">Message deleted</em>}
        {!isGone && body === undefined && attachments.length === 0 && <em class="faint">Encrypted message</em>}
        {!isGone && body !== undefined && (
          <>
            <p>
              <RichText text={body} />
            </p>
            <LinkedMedia text={body} />
          </>
        )}
        {!isGone && attachments.map((one) => <Attached key={one.file_id} file={one} />)}
        <span class="meta">
          {edited_at !== undefined && !isGone && 'edited '}
          <time dateTime={sent_at}>{timeOf(sent_at)}</time>
          {isMine && !isGone && <Receipt chat={chat} seq={message.seq} />}
        </span>
      </div>
      {isMine && !isGone && <OwnActions message={message} onEdit={onEdit} />}
    </li>
  )
}

function OwnActions({ message, onEdit }: { message: Message; onEdit: () => void }) {
  const [isAsking, setAsking] = useState(false)
  const remove = (): Promise<unknown> => board().call('delete_message', { message_id: message.message_id })
  return (
    <span class="message-actions">
      {message.body !== undefined && <IconButton icon="edit" label="Edit this message" onClick={onEdit} look="small" />}
      <IconButton icon="delete" label="Delete this message" onClick={() => setAsking(true)} look="small" />
      {isAsking && (
        <Confirm
          title="Delete this message?"
          text="It is deleted for everybody. That cannot be undone."
          verb="Delete"
          act={remove}
          onClose={() => setAsking(false)}
        />
      )}
    </span>
  )
}

/** How far one of this user's messages has come. */
function Receipt({ chat, seq }: { chat: ChatKey; seq: number }) {
  const { kind, id } = targetOf(chat)
  const { delivered = 0, read } = marksOf(chat)
  const readers = Object.entries(read).filter(([user, upTo]) => upTo >= seq && !isMe(user))
  if (kind === 'group') {
    if (readers.length === 0) return <Sign icon="check" label="Sent" />
    return <Sign icon="checks" label={`Read by ${readers.map(([user]) => nameOf(user)).join(', ')}`} look="read" />
  }
  if ((read[id] ?? 0) >= seq) return <Sign icon="checks" label="Read" look="read" />
  return delivered >= seq ? <Sign icon="checks" label="Delivered" /> : <Sign icon="check" label="Sent" />
}

function Sign({ icon, label, look = '' }: { icon: IconName; label: string; look?: string }) {
  return (
    <span class={`receipt ${look}`} title={label}>
      <Icon name={icon} size={16} />
      <span class="unseen">{label}</span>
    </span>
  )
}

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB']

function sizeInWords(bytes: number): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1)
  return `${(bytes / 1_000 ** power).toFixed(power === 0 ? 0 : 1)} ${UNITS[power]}`
}

/** A file that a message names. Where it is stored is between the apps that share it. */
function Attached({ file }: { file: NonNullable<Message['attachments']>[number] }) {
  return (
    <span class="attached">
      <Icon name="file" size={24} />
      <span class="row-text">
        <strong>{file.name ?? file.file_id}</strong>
        <span class="row-detail">
          {file.type} · {sizeInWords(file.size)}
        </span>
      </span>
    </span>
  )
}

/** A message that waits for the connection, or was refused. */
export function Unsent({ draft }: { draft: Draft }) {
  return (
    <li class={`message mine first ${draft.failure === undefined ? 'waiting' : 'failed'}`}>
      <div class="bubble">
        <span class="unseen">You:</span>
        <p>
          <RichText text={draft.body} />
        </p>
        {draft.failure === undefined ? (
          <span class="meta">
            <Icon name="clock" size={14} /> Sending…
          </span>
        ) : (
          <span class="meta" role="alert">
            <Icon name="warning" size={14} /> Not sent. {draft.failure}
          </span>
        )}
        {draft.failure !== undefined && (
          <span class="meta">
            <button type="button" class="link" onClick={() => sendAgain(draft)}>
              Send again
            </button>
            <button type="button" class="link" onClick={() => discard(draft.id)}>
              Discard
            </button>
          </span>
        )}
      </div>
    </li>
  )
}
