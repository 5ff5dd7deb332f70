import { Frames } from '../../../shared/wire/mqtt/frames.ts'
import type { InnerClient } from './internals.ts'
import { refusesLevel, WRONG_LEVEL } from './protocol-level.ts'
import { nextTurn, turnNow } from './turn.ts'

/** Most packets of one connection per turn of the event loop; the rest waits for the next turn, behind other connections. */
const PACKETS_PER_TURN = 32

export interface ReaderPorts {
  /** Most bytes of the first packet of a client that has not logged in. */
  maxFirst: number
  /** Most bytes of any packet. */
  maxPacket: number
  /** Handles a packet without Aedes; false leaves it to Aedes. */
  handle(packet: Buffer): boolean
  /** Ignores everything that the client sends from here on. */
  stop(reason: string): Error
  /** Called when a last packet was written and the connection is about to end. */
  refused(): void
  /** Is reading paused because too much is unfinished? */
  isBusy(): boolean
}

/**
 * Cuts a connection's bytes into packets, and hands each whole packet to the fast path or else to Aedes' parser. On its own,
 * mqtt-packet follows lengths inside one packet into the packets behind it (64 KB of such packets take seconds), walks its list of
 * buffers for every byte, and parses a whole chunk, perhaps 32,000 PINGs, before any other connection is served. The first packet
 * before login has a limit of its own, since strangers must not make us buffer as much as users; Aedes has one limit for all.
 */
export function readPackets(client: InnerClient, ports: ReaderPorts): void {
  const parser = client._parser
  const parse = parser.parse.bind(parser)
  const frames = new Frames(2 ** 28 + 4)
  let [turn, left] = [-1, 0]
  let waits = false

  // Aedes counts this event as a handled packet, and so would read on without end while packets wait.
  client.conn.off('readable', client._nextBatch)
  client.conn.on('readable', () => waits || ports.isBusy() || client._nextBatch())

  const isStranger = (): boolean => !client.connected && !client.connecting
  const fault = (reason: string, farewell?: Buffer): void => {
    const err = ports.stop(reason)
    if (!farewell) return void client.conn.destroy(err)
    client.conn.write(farewell)
    ports.refused()
    client.emit('error', err)
  }
  /** Returns false, and ends the connection, when the next packet is too large. */
  const isWithin = (bytes: number | undefined): boolean => {
    if (bytes === undefined) return true
    if (isStranger() && bytes > ports.maxFirst) {
      fault(`first packet larger than ${ports.maxFirst} bytes`)
      return false
    }
    if (bytes <= ports.maxPacket) return true
    client.rejectPacketTooLarge(bytes)
    ports.stop('packet larger than MAX_PACKET_BYTES')
    return false
  }
  const handleAll = (): void => {
    while (!parser.error && !client.closed && !client.conn.destroyed) {
      if (!isWithin(frames.pending)) return
      if (turn !== turnNow()) [turn, left] = [turnNow(), PACKETS_PER_TURN]
      if (left === 0) {
        if (frames.buffered === 0) return
        waits = true
        client._parsingBatch++ // pauses reading
        return nextTurn(goOn)
      }
      const packet = frames.next()
      if (!packet) return
      left--
      if (isStranger() && refusesLevel(packet)) return fault('unknown protocol level: expected 3, 4 or 5', WRONG_LEVEL)
      if (!ports.handle(packet)) parse(packet)
    }
  }
  const tryToHandle = (): void => {
    try {
      handleAll()
    } catch (err) {
      fault((err as Error).message)
    }
  }
  const goOn = (): void => {
    waits = false
    if (client.closed || parser.error) return
    tryToHandle()
    client._nextBatch()
  }
  parser.parse = (bytes) => {
    frames.push(bytes!)
    tryToHandle()
    return frames.buffered
  }
}
