import type { Causes, Commands, Envelope, Events } from '../../docs/client.d.ts'

// What calls need of the board they belong to.

export type EventOf<Name extends keyof Events> = Events[Name] & Envelope & { event: Name }
type AnyOf<Name> = Name extends keyof Events ? EventOf<Name> : never

export interface Board {
  /** The client id of this device: it tells a call that was answered here from one that was answered elsewhere. */
  readonly clientId: string
  /**
   * Sends a command, now or once the connection is back. `keep: false`: not after a restart of the app. Rejects with an error that has
   * the platform's `code`.
   */
  call<Name extends keyof Commands>(
    name: Name,
    fields: Commands[Name],
    options?: { keep?: boolean },
  ): Promise<AnyOf<Causes[Name]>>
  on<Name extends keyof Events>(event: Name, handler: (event: EventOf<Name>) => void): () => void
  /** `online` when the connection is back; what was missed has been passed on by then. */
  on(event: 'state', handler: (state: string) => void): () => void
  /** Events were missed, and cannot be had any more. */
  on(event: 'reset', handler: () => void): () => void
}

export type Signal = EventOf<'signal'>
export type SignalType = Signal['type']

/** The platform's code of an error that the board threw; undefined for any other error. */
export function codeOf(err: unknown): string | undefined {
  const code = typeof err === 'object' && err !== null && 'code' in err ? err.code : undefined
  return typeof code === 'string' ? code : undefined
}
