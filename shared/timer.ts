/** The longest delay of a Node timer, in milliseconds: with a longer one it fires at once. */
export const MAX_DELAY = 2 ** 31 - 1

/** Calls at a time in milliseconds since 1970, however far away. Returns what cancels the call. */
export function callAt(time: number, call: () => void): () => void {
  let timer: NodeJS.Timeout
  const arm = (): void => {
    const left = time - Date.now()
    timer = left > MAX_DELAY ? setTimeout(arm, MAX_DELAY) : setTimeout(call, Math.max(left, 0))
  }
  arm()
  return () => clearTimeout(timer)
}
