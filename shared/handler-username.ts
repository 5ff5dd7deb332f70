const SHARED = 'handler'
const OWN = `${SHARED}:`

/** The MQTT username of a handler process: with its group for the group's own key, without one for a shared key. */
export function handlerUsername(group?: string): string {
  return group === undefined ? SHARED : `${OWN}${group}`
}

/** Tells whether a username is a handler's. */
export function isHandlerUsername(username: string): boolean {
  return username === SHARED || username.startsWith(OWN)
}

/** The group that a handler's username names; undefined when it logs in with a shared key. */
export function groupOfUsername(username: string): string | undefined {
  return username.startsWith(OWN) ? username.slice(OWN.length) : undefined
}
