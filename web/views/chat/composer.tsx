import { useEffect, useRef } from 'preact/hooks'
import { board } from '../../state/board.ts'
import type { ChatKey, Message } from '../../state/chats.ts'
import { send } from '../../state/sending.ts'
import { attempt } from '../../state/toasts.ts'
import { tellTyping } from '../../state/typing.ts'
import { IconButton } from '../parts.tsx'
import { titleOf } from './summaries.ts'

/** What was typed and not sent, by conversation: it is there when one comes back to it. */
const begun = new Map<ChatKey, string>()

/** Where messages are written, and edited. Enter sends, Shift+Enter begins a line, ↑ in an empty field edits the last message. */
export function Composer({
  chat,
  edited,
  onEditLast,
  onDone,
}: {
  chat: ChatKey
  edited: Message | undefined
  onEditLast: () => void
  onDone: () => void
}) {
  const field = useRef<HTMLTextAreaElement>(null)
  useEffect(() => {
    const input = field.current
    if (!input) return
    input.value = edited?.body ?? begun.get(chat) ?? ''
    const isTouch = matchMedia('(hover: none)').matches // there a keyboard would cover half of the screen
    if (edited || !isTouch) input.focus({ preventScroll: true })
    return () => {
      if (!edited) begun.set(chat, input.value)
    }
  }, [chat, edited])

  const submit = (): void => {
    const body = field.current!.value.trim()
    if (body === '') return
    field.current!.value = ''
    if (!edited) send(chat, body)
    else if (body !== edited.body) void attempt(board().call('edit_message', { message_id: edited.message_id, body }))
    onDone()
  }
  const press = (event: KeyboardEvent): void => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
      event.preventDefault()
      submit()
    } else if (event.key === 'Escape' && edited) onDone()
    else if (event.key === 'ArrowUp' && !edited && field.current!.value === '') {
      event.preventDefault()
      onEditLast()
    }
  }
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      {edited && (
        <p class="editing">
          Editing your message
          <button type="button" class="link" onClick={onDone}>
            Cancel
          </button>
        </p>
      )}
      <div class="composer-row">
        <textarea
          ref={field}
          rows={1}
          aria-label={`Message to ${titleOf(chat)}`}
          placeholder="Write a message"
          onKeyDown={press}
          onInput={() => !edited && tellTyping(chat)}
        />
        <IconButton icon={edited ? 'check' : 'send'} label={edited ? 'Save' : 'Send'} look="primary" onClick={submit} />
      </div>
    </form>
  )
}
