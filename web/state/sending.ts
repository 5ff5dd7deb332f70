import { computed, signal } from '@preact/signals'
import type { CallingBoard, Uncertain } from '../../client/index.ts'
import { NotStored } from '../../client/index.ts'
import { board, waiting } from './board.ts'
import { chatOf, keyOfGroup, keyOfUser, learn, targetOf, type ChatKey } from './chats.ts'
import { inWords, refusalInWords } from './words.ts'

/** A message of this user that the platform does not have yet, or has refused. */
export interface Draft {
  readonly id: string
  readonly key: ChatKey
  readonly body: string
  /** Why it was not sent, in words; undefined while it waits. */
  readonly failure?: string
}

/** What was on its way when it was last looked at: its answer does not repeat the body. */
const underWay = new Map<string, Draft>()
const failed = signal<readonly Draft[]>([])

const drafts = computed<readonly Draft[]>(() =>
  waiting.value.flatMap(({ id, command, fields }) => {
    const { to, group_id, body } = fields as { to?: string; group_id?: string; body?: string }
    if (command !== 'send_message' || body === undefined) return []
    return [{ id, body, key: group_id === undefined ? keyOfUser(to ?? '') : keyOfGroup(group_id) }]
  }),
)

/** What waits in a conversation, in order, and what was refused. */
export function draftsIn(key: ChatKey): readonly Draft[] {
  return [...failed.value, ...drafts.value].filter((one) => one.key === key)
}

/** Sends a message, now or when there is a connection. How it goes is shown in the conversation. */
export function send(key: ChatKey, body: string): void {
  const { kind, id } = targetOf(key)
  const target = kind === 'group' ? { group_id: id } : { to: id }
  board()
    .call('send_message', { ...target, body })
    .catch((err: unknown) => {
      // A refusal comes as an event, too, also to a page that was loaded after the call.
      if (err instanceof NotStored)
        failed.value = [...failed.value, { id: crypto.randomUUID(), key, body, failure: inWords(err)! }]
    })
}

export function discard(id: string): void {
  failed.value = failed.value.filter((one) => one.id !== id)
}

export function sendAgain({ id, key, body }: Draft): void {
  discard(id)
  send(key, body)
}

export function watchSending(one: CallingBoard): void {
  drafts.subscribe((all) => {
    for (const draft of all) underWay.set(draft.id, draft)
  })
  one.on('message_sent', ({ re, message_id, seq, at, to, group_id }) => {
    const draft = re === undefined ? undefined : underWay.get(re)
    if (re === undefined || !draft) return
    underWay.delete(re)
    if (chatOf(draft.key).messages.some((known) => known.message_id === message_id)) return
    const where = { ...(to !== undefined && { to }), ...(group_id !== undefined && { group_id }) }
    learn(draft.key, [{ message_id, seq, from: board().user!, ...where, body: draft.body, sent_at: at }])
  })
  for (const event of ['command_rejected', 'command_failed'] as const) {
    one.on(event, (refusal) => {
      const after = 'retry_after_ms' in refusal ? refusal.retry_after_ms : undefined
      fails(refusal.re, refusalInWords(refusal.code, refusal.fields, after))
    })
  }
  one.on('uncertain', (err: Uncertain) => fails(err.id, inWords(err)!))
}

function fails(id: string | undefined, failure: string): void {
  const draft = id === undefined ? undefined : underWay.get(id)
  if (!draft) return
  underWay.delete(draft.id)
  failed.value = [...failed.value, { ...draft, failure }]
}
