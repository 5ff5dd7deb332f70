import type { Socket } from 'node:net'

const END = '\r\n\r\n'

/**
 * Reads the head of a connection's first HTTP request and nothing after it: a chunk of 64 KB holds 2,400 requests, and Node's
 * parser would answer all of them before any other connection has a turn. Leaves the socket paused, with the head to be read again.
 * @param maxBytes of the head; a longer one is answered with 431, and what follows is ignored
 * @param found is called with the bytes that came after the head
 */
export function readFirstRequest(socket: Socket, maxBytes: number, found: (rest: Buffer) => void): void {
  let read: Buffer = Buffer.alloc(0)
  const onData = (chunk: Buffer): void => {
    const from = Math.max(0, read.length - END.length + 1)
    read = read.length === 0 ? chunk : Buffer.concat([read, chunk])
    const at = read.indexOf(END, from)
    const length = at < 0 ? read.length : at + END.length
    if (length > maxBytes) {
      socket.off('data', onData)
      socket.resume().end('HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n')
      return
    }
    if (at < 0) return
    socket.off('data', onData)
    socket.pause()
    socket.unshift(read.subarray(0, length))
    found(read.subarray(length))
  }
  socket.on('data', onData)
}
