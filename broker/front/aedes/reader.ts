import { Frames } from '../../../shared/wire/mqtt/frames.ts'
import type { InnerClient } from './internals.ts'
import { refusesLevel, WRONG_LEVEL } from './protocol-level.ts'
import { nextTurn, turnNow } from './turn.ts'

/** Packets of one connection in one turn of the event loop: what it sends beyond waits for the next, after the others. */
const PACKETS_PER_TURN = 32

export interface ReaderPorts {
  /** Bytes of a stranger's first packet, at most. */
  maxFirst: number
  /** Bytes of any packet, at most. */
  maxPacket: number
  /** Handles a packet without Aedes; false leaves it to Aedes. */
  handle(packet: Buffer): boolean
  /** Nothing that was sent counts from here on. */
  stop(reason: string): Error
  /** A last packet was written: the connection is about to end. */
  refused(): void
  /** Reads no more for now: it has enough that is not dealt with. */
  isBusy(): boolean
}

/**
 * Cuts what a connection sends into packets, and hands each to the fast path, or else alone and whole to Aedes' parser. By itself
 * mqtt-packet follows lengths inside a packet into those behind it (64 KB of such packets take seconds), walks its list of pieces
 * at every byte, and goes through a whole chunk, of 32,000 PINGs perhaps, before anybody else is served. A stranger's first packet
 * is bounded: they may not make us hold what a user may, and Aedes has one bound for all.
 */
export function readPackets(client: InnerClient, ports: ReaderPorts): void {
  const parser = client._parser
  const parse = parser.parse.bind(parser)
  const frames = new Frames(2 ** 28 + 4)
  let [turn, left] = [-1, 0]
  let waits = false

  // Or Aedes, which counts this event as a packet that is done, reads on and on while what it has read waits.
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
  /** False when the packet that comes is too large. */
  const isWithin = (bytes: number | undefined): boolean => {
    if (bytes === undefined) return true
    if (isStranger() && bytes > ports.maxFirst) {
      fault(`a first packet of more than ${ports.maxFirst} bytes`)
      return false
    }
    if (bytes <= ports.maxPacket) return true
    client.rejectPacketTooLarge(bytes)
    ports.stop('packet too large')
    return false
  }
  const take = (): void => {
    while (!parser.error && !client.closed && !client.conn.destroyed) {
      if (!isWithin(frames.pending)) return
      if (turn !== turnNow()) [turn, left] = [turnNow(), PACKETS_PER_TURN]
      if (left === 0) {
        if (frames.buffered === 0) return
        waits = true
        client._parsingBatch++ // so that it reads no more meanwhile
        return nextTurn(goOn)
      }
      const packet = frames.next()
      if (!packet) return
      left--
      if (isStranger() && refusesLevel(packet)) return fault('a protocol level that is none of 3, 4 and 5', WRONG_LEVEL)
      if (!ports.handle(packet)) parse(packet)
    }
  }
  const tryToTake = (): void => {
    try {
      take()
    } catch (err) {
      fault((err as Error).message)
    }
  }
  const goOn = (): void => {
    waits = false
    if (client.closed || parser.error) return
    tryToTake()
    client._nextBatch()
  }
  parser.parse = (bytes) => {
    frames.push(bytes!)
    tryToTake()
    return frames.buffered
  }
}
