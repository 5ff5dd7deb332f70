/** Node fires a timer of more than this at once. */
const LONGEST = 2 ** 31 - 1

/** Calls at a time in milliseconds since 1970, however far away. Returns what cancels it. */
export function callAt(time: number, call: () => void): () => void {
  let timer: NodeJS.Timeout
  const arm = (): void => {
    const left = time - Date.now()
    timer = left > LONGEST ? setTimeout(arm, LONGEST) : setTimeout(call, Math.max(left, 0))
  }
  arm()
  return () => clearTimeout(timer)
}
