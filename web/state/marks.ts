import { signal } from '@preact/signals'

/** How far a conversation was read, by `seq`. The platform tells it once, so this browser keeps it. */
export interface Marks {
  /** By this user. */
  readonly mine?: number
  /** How far the other one's devices have got it. */
  readonly delivered?: number
  /** By the others. */
  readonly read: Readonly<Record<string, number>>
}

const NONE: Marks = { read: {} }
const marks = signal<Readonly<Record<string, Marks>>>({})
let key = ''
let isSaving = false

/** Takes up what this browser knows of this user's conversations. */
export function openMarks(owner: string): void {
  key = `switchboard.marks ${owner}`
  marks.value = JSON.parse(localStorage.getItem(key) ?? '{}') as Record<string, Marks>
}

export const marksOf = (chat: string): Marks => marks.value[chat] ?? NONE

/** Marks only grow. */
export function mark(chat: string, change: Partial<Marks>): void {
  const old = marksOf(chat)
  const read = { ...old.read }
  for (const [user, seq] of Object.entries(change.read ?? {})) read[user] = Math.max(seq, read[user] ?? 0)
  const next: Marks = {
    ...(later(old.mine, change.mine) !== undefined && { mine: later(old.mine, change.mine)! }),
    ...(later(old.delivered, change.delivered) !== undefined && { delivered: later(old.delivered, change.delivered)! }),
    read,
  }
  marks.value = { ...marks.value, [chat]: next }
  save()
}

function later(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b)
}

function save(): void {
  if (isSaving) return
  isSaving = true
  setTimeout(() => {
    isSaving = false
    try {
      localStorage.setItem(key, JSON.stringify(marks.value))
    } catch {
      // No room: the counts of unread messages begin anew with the next start.
    }
  }, 200)
}
