/** As much of a browser as tells that the app woke up. Absent in Node and React Native. */
interface Page {
  addEventListener(name: string, listener: () => void): void
  removeEventListener(name: string, listener: () => void): void
}

/** Calls back when the network comes back, or the page becomes visible. Returns what ends that. */
export function whenAwake(wake: () => void): () => void {
  const scope = globalThis as { window?: Page; document?: Page & { visibilityState?: string } }
  if (typeof scope.window?.addEventListener !== 'function') return () => {}
  const { window, document } = scope
  const shown = (): void => {
    if (document?.visibilityState !== 'hidden') wake()
  }
  const all: [Page | undefined, string, () => void][] = [
    [window, 'online', wake],
    [window, 'pageshow', wake],
    [document, 'visibilitychange', shown],
    [document, 'resume', wake],
  ]
  for (const [target, name, listener] of all) target?.addEventListener(name, listener)
  return () => {
    for (const [target, name, listener] of all) target?.removeEventListener(name, listener)
  }
}
