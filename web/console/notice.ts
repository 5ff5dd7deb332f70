import { signal } from '@preact/signals'

/** What happened last, in words; shown and read out. */
export const notice = signal<{ text: string; isBad: boolean } | undefined>(undefined)

/** Does something an operator asked for, and says how it went. */
export async function attempt<Value>(
  acting: Promise<Value>,
  done?: (value: Value) => string,
): Promise<Value | undefined> {
  try {
    const value = await acting
    if (done) notice.value = { text: done(value), isBad: false }
    return value
  } catch (err) {
    notice.value = { text: (err as Error).message, isBad: true }
    return undefined
  }
}
