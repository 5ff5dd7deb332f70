import type { Config } from '../config.ts'

/** What the platform's settings say to handlers. */
export interface HandlerSettings {
  /** Who may reach whom: contacts, or everyone who is not blocked. */
  readonly access: 'contacts' | 'everyone'
  /** Milliseconds that a call rings before it is missed. */
  readonly ringMs: number
  /** Are private addresses taken out of what is relayed for calls? */
  readonly hidesPrivate: boolean
}

export function handlerSettings({ ACCESS, RING_TIMEOUT, HIDE_PRIVATE_ADDRESSES }: Config): HandlerSettings {
  return { access: ACCESS, ringMs: RING_TIMEOUT, hidesPrivate: HIDE_PRIVATE_ADDRESSES }
}
