// The messages between a front and the core: plain data, delivered in order in each direction. In one process a message is a function
// call. A message may hold no function, no promise and no object that both sides keep.
//
// A front numbers its connections and never reuses a number. For each connection it sends, in this order:
//
//   login           answered by `admitted` or `denied`
//   hears           for each subscription that the session already has
//   will            if there is one
//   connected       then anything
//   disconnected    then only what becomes of the will
//
// On a takeover, the old connection's `leaves` comes before the new one's `connected`, and its `disconnected` after. The core sends
// nothing about a connection before its `login`, but may still address one that has ended. Each side ignores messages about connections
// that it does not know.

/** A message about one connection. */
export interface OfConnection {
  connection: number
}

/** A message of a session that is in flight: it, or its PUBREL, was sent and is not acknowledged. */
export interface InFlight {
  /** The message's number in the session. */
  number: number
  messageId: number
}
