/** A stream of bytes to the broker. */
export interface Socket {
  send(bytes: Uint8Array): void
  close(): void
}

/** What happens on it. After `closed` nothing more. */
export interface SocketEvents {
  opened(): void
  received(bytes: Uint8Array): void
  /** @param why in words, as far as the platform says */
  closed(why: string): void
}

export type OpenSocket = (url: string, events: SocketEvents) => Socket
