import { signal } from '@preact/signals'
import { inWords } from './words.ts'

export interface Toast {
  id: number
  text: string
  isError: boolean
}

/** Milliseconds that a toast stays: errors longer, because they must be read. */
const [SHORT, LONG] = [4_000, 9_000]
const MOST = 4

export const toasts = signal<readonly Toast[]>([])
let last = 0

export function say(text: string, isError = false): void {
  const toast = { id: ++last, text, isError }
  toasts.value = [...toasts.value.filter((one) => one.text !== text), toast].slice(-MOST)
  setTimeout(() => dismiss(toast.id), isError ? LONG : SHORT)
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((one) => one.id !== id)
}

/** Waits for something that the user did, and says when it went wrong. @returns whether it went well */
export async function attempt(work: Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await work
    if (done !== undefined) say(done)
    return true
  } catch (err) {
    const words = inWords(err)
    if (words !== undefined) say(words, true)
    return false
  }
}
